/**
 * Goal: a client is asked for its backup codec while somebody can not decode the first, publishes it under the sid of the
 * track that it has, and is told of each codec what is wanted.
 * Method: real sessions over real control; the offer of a publisher with its video section doubled under another msid.
 */
import {
  AddTrackRequest,
  BackupCodecPolicy,
  RequestResponse_Reason,
  SessionDescription,
  SimulcastCodec,
  type SubscribedQualityUpdate,
  SubscriptionError,
  TrackType,
  UpdateSubscription,
} from "@livekit/protocol";
import { expect, test } from "vitest";
import type { Track } from "../../src/control/track.ts";
import { VP8, VP9 } from "../control/conference.ts";
import { description, offerText } from "../sdp/offers.ts";
import { CAMERA, SignalClient, type SignalHall, signalHall } from "./client.ts";

const CAMERA_CID = "0a0b7f0a-71ee-4f16-b52b-37bf78dd9344";
const BACKUP_CID = "11111111-71ee-4f16-b52b-37bf78dd9344";

/** The recorded offer of a publisher, whose video comes once more as section 2. */
function offerOfTwo(): string {
  const text = offerText("chromium-publish-simulcast");
  const video = text.slice(text.indexOf("m=video"));
  const again = video.replaceAll(CAMERA_CID, BACKUP_CID).replace("a=mid:1", "a=mid:2");
  return `${text.replace("BUNDLE 0 1", "BUNDLE 0 1 2")}${again}`;
}

interface Stage {
  readonly hall: SignalHall;
  readonly ada: SignalClient;
  readonly camera: Track;
  readonly offerBackup: (sid: string) => void;
}

/** ada publishes VP9 and has promised VP8. */
function stage({
  policy = BackupCodecPolicy.PREFER_REGRESSION,
  hasBackup = true,
  isSent = true,
} = {}): Stage {
  const hall = signalHall();
  const ada = new SignalClient(hall, "ada");
  const request = CAMERA.clone();
  Object.assign(request, {
    cid: CAMERA_CID,
    backupCodecPolicy: policy,
    simulcastCodecs: [
      new SimulcastCodec({ codec: "vp9", cid: CAMERA_CID }),
      ...(hasBackup ? [new SimulcastCodec({ codec: "vp8" })] : []),
    ],
  });
  ada.send({ case: "addTrack", value: request });
  ada.offer("chromium-publish-simulcast");
  ada.take("trackPublished");
  const [camera] = hall.rooms.get("hall")!.participant("ada")!.tracks;
  if (isSent) hall.thread.codec(camera!.id, VP9);
  const offerBackup = (sid: string): void => {
    const value = new AddTrackRequest({
      cid: BACKUP_CID,
      type: TrackType.VIDEO,
      sid,
      simulcastCodecs: [new SimulcastCodec({ codec: "vp8", cid: BACKUP_CID })],
    });
    ada.send({ case: "addTrack", value });
    const offer = new SessionDescription({ type: "offer", sdp: offerOfTwo(), id: 2 });
    ada.send({ case: "offer", value: offer });
  };
  return { hall, ada, camera: camera!, offerBackup };
}

/** Of somebody who takes no video but VP8. */
function offerOfVp8(id: number): SessionDescription {
  const sdp = offerText("chromium-watch").replace(/^a=rtpmap:\d+ (?:VP9|AV1|H264|H265)\/90000\r\n/gm, "");
  return new SessionDescription({ type: "offer", sdp, id });
}

function comeWithVp8({ hall }: Stage): SignalClient {
  return new SignalClient(hall, "bo", { offer: offerOfVp8(1) });
}

function codecsOf({ subscribedCodecs }: SubscribedQualityUpdate): Record<string, boolean[]> {
  return Object.fromEntries(
    subscribedCodecs.map(({ codec, qualities }) => [codec, qualities.map(({ enabled }) => enabled)]),
  );
}

const ALL = [true, true, true];
const NONE = [false, false, false];

test("the promised codec is asked for while somebody needs it", () => {
  const scene = stage();
  const { ada, camera } = scene;
  const bo = comeWithVp8(scene);
  const asked = ada.take("subscribedQualityUpdate");
  expect(asked.trackSid).toBe(camera.id);
  expect(codecsOf(asked)).toEqual({ vp9: ALL, vp8: ALL });
  bo.send({ case: "leave", value: {} as never });
  expect(codecsOf(ada.take("subscribedQualityUpdate"))).toEqual({ vp9: ALL, vp8: NONE });
});

test("who can decode neither codec is told, once it is known that no other comes", () => {
  const scene = stage();
  const { hall, camera, offerBackup } = scene;
  const bo = comeWithVp8(scene);
  const failed = (): unknown[] =>
    bo.messages.flatMap(({ case: kind, value }) =>
      kind === "subscriptionResponse" ? [{ sid: value.trackSid, err: value.err }] : [],
    );
  offerBackup(camera.id);
  expect(failed()).toEqual([]);
  hall.thread.codec(camera.backup!.id, VP9);
  expect(failed()).toEqual([{ sid: camera.id, err: SubscriptionError.SE_CODEC_UNSUPPORTED }]);
  hall.thread.codec(camera.backup!.id, VP8);
  expect(failed()).toHaveLength(1);
});

test.each([
  ["before", true],
  ["after", false],
])("who can not decode a track that has no backup is told, its media coming %s", (_, isSent) => {
  const scene = stage({ hasBackup: false, isSent });
  const { hall, camera } = scene;
  const bo = comeWithVp8(scene);
  if (!isSent) {
    expect(bo.kinds()).not.toContain("subscriptionResponse");
    hall.thread.codec(camera.id, VP9);
  }
  const failure = { trackSid: camera.id, err: SubscriptionError.SE_CODEC_UNSUPPORTED };
  expect(bo.take("subscriptionResponse")).toMatchObject(failure);
  hall.thread.codec(camera.id, VP9);
  expect(bo.kinds()).not.toContain("subscriptionResponse");
  for (const subscribe of [false, true]) {
    const value = new UpdateSubscription({ trackSids: [camera.id], subscribe });
    bo.send({ case: "subscription", value });
    bo.send({ case: "offer", value: offerOfVp8(2) });
  }
  expect(bo.take("subscriptionResponse")).toMatchObject(failure);
});

test("it is published under the sid of the track, and answered in its own codec", () => {
  const scene = stage();
  const { hall, ada, camera, offerBackup } = scene;
  const bo = comeWithVp8(scene);
  ada.messages.length = 0;
  offerBackup(camera.id);
  const published = ada.take("trackPublished");
  expect([published.cid, published.track!.sid]).toEqual([BACKUP_CID, camera.id]);
  const answer = description(ada.take("answer").sdp);
  expect(answer.sections.map(({ codecs }) => codecs[0]!.name)).toEqual(["opus", "VP9", "VP8"]);
  expect(bo.seen("ada")!.tracks).toHaveLength(1);
  expect(bo.seen("ada")!.tracks[0]!.codecs.map(({ mid }) => mid)).toEqual(["1", "2"]);

  hall.thread.codec(camera.backup!.id, VP8);
  const subscription = hall.rooms
    .get("hall")!
    .participant("bo")!
    .subscriptions.find(({ track }) => track === camera);
  expect(subscription!.codec).toBe("VP8");

  ada.messages.length = 0;
  hall.thread.emit({ kind: "up-track.wanted", trackId: camera.id, spatial: -1 });
  hall.thread.emit({ kind: "up-track.wanted", trackId: camera.backup!.id, spatial: 2 });
  ada.take("subscribedQualityUpdate");
  expect(codecsOf(ada.take("subscribedQualityUpdate"))).toEqual({ vp9: NONE, vp8: ALL });
});

test.each([
  ["by default", BackupCodecPolicy.PREFER_REGRESSION, "VP8"],
  ["where the publisher wants both", BackupCodecPolicy.SIMULCAST, "VP9"],
  ["where the publisher wants but one", BackupCodecPolicy.REGRESSION, "VP8"],
])("who can decode both gets, %s, …", (_title, policy, codec) => {
  const scene = stage({ policy });
  const { hall, camera, offerBackup } = scene;
  const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
  new SignalClient(hall, "cy", { offer });
  comeWithVp8(scene);
  offerBackup(camera.id);
  hall.thread.codec(camera.backup!.id, VP8);
  const subscriptions = hall.rooms.get("hall")!.participant("cy")!.subscriptions;
  expect(subscriptions.find(({ track }) => track === camera)!.codec).toBe(codec);
});

test("it ends with its section, and with its track", () => {
  for (const mid of ["2", "1"]) {
    const scene = stage();
    const { hall, ada, camera, offerBackup } = scene;
    offerBackup(camera.id);
    const backup = camera.backup!;
    const sections = offerOfTwo().split(/^(?=m=)/m);
    const silent = sections.map((text) =>
      text.includes(`a=mid:${mid}\r\n`) ? text.replace("a=sendonly", "a=inactive") : text,
    );
    const value = new SessionDescription({ type: "offer", sdp: silent.join(""), id: 3 });
    ada.send({ case: "offer", value });
    const removed = hall.thread.sent("up-track.remove").map(({ trackId }) => trackId);
    expect(removed).toEqual(mid === "2" ? [backup.id] : [camera.id, backup.id]);
    expect(hall.rooms.get("hall")!.tracks()).toEqual(mid === "2" ? [camera] : []);
  }
});

test("it ends where its section comes with another track, which is received there alone", () => {
  const scene = stage();
  const { hall, ada, camera, offerBackup } = scene;
  offerBackup(camera.id);
  const backup = camera.backup!;
  const next = "22222222-71ee-4f16-b52b-37bf78dd9344";
  ada.send({ case: "addTrack", value: new AddTrackRequest({ cid: next, type: TrackType.VIDEO }) });
  const sdp = offerOfTwo().replaceAll(BACKUP_CID, next);
  ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 3 }) });
  expect(hall.thread.sent("up-track.remove").map(({ trackId }) => trackId)).toEqual([backup.id]);
  const tracks = hall.rooms.get("hall")!.tracks();
  expect(tracks.map(({ section }) => section.mid)).toEqual(["1", "2"]);
  expect(camera.backup).toBeNull();
});

test("of a track that is not one's own, or has one already, it is refused", () => {
  const { ada, camera, offerBackup } = stage();
  offerBackup("TR_none");
  expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.NOT_FOUND);
  expect(camera.backup).toBeNull();
  offerBackup(camera.id);
  expect(camera.backup).not.toBeNull();
  offerBackup(camera.id);
  expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
});
