/**
 * Goal: each kind of request that the protocol has is answered, changes something that others are told, or is known to need
 * neither; a kind that the protocol gains has to be put into one of these tables before this passes again. And what goes
 * over a connection is counted by kind.
 * Method: one request of each kind, without content and with some, to a session in a room where somebody else is.
 */
import {
  AddTrackRequest,
  GetDataBlobRequest,
  MuteTrackRequest,
  Ping,
  PublishDataTrackRequest,
  SessionDescription,
  SignalRequest,
  StoreDataBlobRequest,
  SubscriptionPermission,
  UnpublishDataTrackRequest,
  UpdateDataSubscription,
  UpdateLocalAudioTrack,
  UpdateLocalVideoTrack,
  UpdateParticipantMetadata,
  UpdateSubscription,
  UpdateTrackSettings,
} from "@livekit/protocol";
import { describe, expect, test } from "vitest";
import { claims, VP8 } from "../control/conference.ts";
import { offerText } from "../sdp/offers.ts";
import { CAMERA, SignalClient, type SignalHall, signalHall } from "./client.ts";

type Request = SignalRequest["message"];
type Kind = NonNullable<Request["case"]>;

const CAMERA_CID = "0a0b7f0a-71ee-4f16-b52b-37bf78dd9344";

/** Answered to whoever asked: the request, and the answer. */
const ANSWERED: Partial<Record<Kind, readonly [request: Request["value"], answer: string]>> = {
  offer: [new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 }), "answer"],
  addTrack: [new AddTrackRequest({ cid: "x", type: 1 }), "trackPublished"],
  updateMetadata: [new UpdateParticipantMetadata({ requestId: 3 }), "requestResponse"],
  subscription: [new UpdateSubscription({ trackSids: ["TR_none"], subscribe: true }), "subscriptionResponse"],
  leave: [undefined, "leave"],
  ping: [5n, "pong"],
  pingReq: [new Ping({ timestamp: 5n }), "pongResp"],
  publishDataTrackRequest: [
    new PublishDataTrackRequest({ pubHandle: 1, name: "x" }),
    "publishDataTrackResponse",
  ],
  unpublishDataTrackRequest: [new UnpublishDataTrackRequest({ pubHandle: 7 }), "requestResponse"],
  updateDataSubscription: [new UpdateDataSubscription(), "dataTrackSubscriberHandles"],
  storeDataBlobRequest: [new StoreDataBlobRequest({ requestId: 4 }), "requestResponse"],
  getDataBlobRequest: [new GetDataBlobRequest({ requestId: 5 }), "requestResponse"],
};

/** Told to the others, or obeyed in what is sent from then on. */
const OBEYED: Partial<Record<Kind, (sid: string) => Request["value"]>> = {
  mute: (sid) => new MuteTrackRequest({ sid, muted: true }),
  subscriptionPermission: () => new SubscriptionPermission({ allParticipants: false }),
  updateAudioTrack: (trackSid) => new UpdateLocalAudioTrack({ trackSid, features: [1] }),
  updateVideoTrack: (trackSid) => new UpdateLocalVideoTrack({ trackSid, width: 1, height: 1 }),
};

/** Known to need no answer; their effects have tests of their own. */
const SILENT: readonly Kind[] = [
  "answer", // of a client with two PeerConnections
  "trickle", // the server is a lite agent
  "updateLayers", // obsolete
  "trackSetting", // a wish, in test/signal/sessions.test.ts
  "syncState", // tells what differs, in test/signal/resuming.test.ts
  "simulate", // what is simulated happens, or nothing
];

const KINDS = SignalRequest.fields
  .list()
  .filter(({ oneof }) => oneof !== undefined)
  .map(({ localName }) => localName as Kind);

interface Stage {
  readonly hall: SignalHall;
  readonly ada: SignalClient;
  readonly bo: SignalClient;
  readonly sid: string;
}

/** ada publishes a video, which bo receives. */
function stage(): Stage {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  ada.send({ case: "addTrack", value: new AddTrackRequest({ ...CAMERA, cid: CAMERA_CID }) });
  ada.offer("chromium-publish-simulcast");
  const [track] = hall.rooms.get("hall")!.participant("ada")!.tracks;
  hall.thread.codec(track!.id, VP8);
  const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
  const bo = new SignalClient(hall, "bo", { offer });
  ada.messages.length = 0;
  bo.messages.length = 0;
  return { hall, ada, bo, sid: track!.id };
}

function send(client: SignalClient, kind: Kind, value: Request["value"]): void {
  client.send({ case: kind, value: value ?? {} } as Request);
}

test("every kind of the protocol is in one of the tables", () => {
  const listed = [...Object.keys(ANSWERED), ...Object.keys(OBEYED), ...SILENT];
  expect(listed.sort()).toEqual([...KINDS].sort());
});

test.each(Object.entries(ANSWERED))("%s is answered", (kind, [value, answer]) => {
  const hall = signalHall();
  const ada = new SignalClient(hall, claims("ada", { canUpdateOwnMetadata: true }));
  ada.messages.length = 0;
  send(ada, kind as Kind, value);
  expect(ada.kinds()).toContain(answer);
});

test.each(Object.entries(OBEYED))("%s is told to others", (kind, valueFor) => {
  const { ada, bo, sid } = stage();
  send(ada, kind as Kind, valueFor(sid));
  expect(bo.messages.length).toBeGreaterThan(0);
});

test.each(SILENT)("%s needs no answer", (kind) => {
  const { ada, bo } = stage();
  send(ada, kind, {} as never);
  expect([ada.closed, bo.closed, bo.kinds()]).toEqual([null, null, []]);
});

test.each(KINDS)("%s without content harms nobody", (kind) => {
  const { hall, ada, bo } = stage();
  send(ada, kind, kind === "ping" ? 0n : undefined);
  bo.send({ case: "ping", value: 1n });
  expect(bo.take("pong")).toBeDefined();
  expect(hall.rooms.get("hall")!.participant("bo")).toBeDefined();
});

describe("a connection is counted", () => {
  test("with its protocol, its messages by kind, and why it ended", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada", { singleConnection: false });
    ada.send({ case: "trackSetting", value: new UpdateTrackSettings() });
    // A message of a later protocol: field 1,000, empty.
    ada.connection.receive(Uint8Array.of(0xc2, 0x3e, 0x00), "binary");
    ada.vanish();
    const bo = new SignalClient(hall, "bo");
    bo.connection.receive(Uint8Array.of(255), "binary");
    const { lines } = hall.meter;
    expect(lines.filter((line) => !line.startsWith("sent"))).toEqual([
      "open v0",
      "received trackSetting",
      "received unknown",
      "closed v0 lost",
      "open v1",
      "closed v1 malformed_message",
    ]);
    expect(lines.slice(1, 3)).toEqual(["sent join", "sent offer"]);
  });
});
