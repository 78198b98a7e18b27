/**
 * Goal: what LiveKit's protocol promises a client, message by message.
 * Method: real sessions over real control, with a media thread that records and a clock that is turned by hand.
 */
import {
  ConnectionQuality,
  DisconnectReason,
  LeaveRequest,
  LeaveRequest_Action,
  MuteTrackRequest,
  ParticipantInfo_State,
  RequestResponse_Reason,
  SessionDescription,
  SimulcastCodec,
  SubscriptionPermission,
  TrackPermission,
  TrackSource,
  UpdateParticipantMetadata,
  UpdateSubscription,
  UpdateTrackSettings,
  VideoLayer_Mode,
} from "@livekit/protocol";
import { describe, expect, test, vi } from "vitest";
import type { TrackId } from "../../src/base/ids.ts";
import type { DownTrackParams } from "../../src/contract/media.ts";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import { claims, connect, must, OPUS, REMOTE, section, VP8 } from "../control/conference.ts";
import { description, offerText } from "../sdp/offers.ts";
import { CAMERA, MICROPHONE, SignalClient, type SignalHall, signalHall } from "./client.ts";

const CAMERA_CID = "0a0b7f0a-71ee-4f16-b52b-37bf78dd9344";
const MICROPHONE_CID = "1e7ee43d-bcb3-4c29-90e7-cf3ef57b1dbe";

/** Within this what has changed is negotiated. */
const GATHERED_MS = 100;

/** Announces what the recorded offer of a publisher sends, and offers it. */
function publish(
  client: SignalClient,
  change: { muted?: boolean; encryption?: number; stereo?: boolean } = {},
): void {
  client.send({ case: "addTrack", value: withCid(MICROPHONE, MICROPHONE_CID, change) });
  client.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, change) });
  client.offer("chromium-publish-simulcast");
}

function withCid(request: typeof CAMERA, cid: string, change: object): typeof CAMERA {
  const copy = request.clone();
  return Object.assign(copy, { cid }, change);
}

function tracksOf(hall: SignalHall, identity: string): Track[] {
  return hall.rooms.get("hall")!.participant(identity)!.tracks;
}

/** An offer with more sections for receiving, each as the first of its kind. */
function withSections(sdp: string, audio: number, video: number): string {
  const [head, ...bodies] = sdp.split(/^(?=m=)/m);
  const first = (kind: string): string => bodies.find((body) => body.startsWith(`m=${kind}`))!;
  const added = [...Array(audio).fill(first("audio")), ...Array(video).fill(first("video"))].map(
    (body: string, n) => body.replace(/a=mid:.*/, `a=mid:more${n}`),
  );
  const mids = added.map((_, n) => `more${n}`).join(" ");
  const bundle = head!.replace(/a=group:BUNDLE .*/, (line) => `${line} ${mids}`);
  return bundle + bodies.join("") + added.join("");
}

describe("joining", () => {
  test("is answered with the room, oneself and the others", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, { ...claims("ada"), name: "Ada", metadata: "m" });
    const bo = new SignalClient(hall, "bo");
    const join = bo.take("join");
    expect(join).toMatchObject({
      room: { name: "hall", maxParticipants: 10 },
      participant: { identity: "bo", permission: { canPublish: true, canSubscribe: true } },
      otherParticipants: [{ identity: "ada", name: "Ada", metadata: "m" }],
      subscriberPrimary: false,
      pingInterval: 5,
      pingTimeout: 15,
      serverInfo: { version: expect.stringMatching(/^1\.13\./), protocol: 17 },
    });
    expect(join.enabledPublishCodecs.map(({ mime }) => mime)).toContain("video/VP8");
    expect(ada.seen("bo")).toMatchObject({ identity: "bo", state: ParticipantInfo_State.JOINED });
  });

  test("hidden participants are not shown, but see", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const eve = new SignalClient(hall, claims("eve", { hidden: true }));
    expect(ada.seen("eve")).toBeUndefined();
    expect(eve.take("join").otherParticipants).toHaveLength(1);
    eve.vanish();
    hall.clock.pass(60_000);
    expect(ada.seen("eve")).toBeUndefined();
  });

  test("again under the same identity sends the first away", () => {
    const hall = signalHall();
    const first = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    const { sid } = bo.seen("ada")!;
    const second = new SignalClient(hall, "ada");
    expect(first.take("leave")).toMatchObject({
      reason: DisconnectReason.DUPLICATE_IDENTITY,
      action: LeaveRequest_Action.DISCONNECT,
    });
    expect(first.closed).toEqual([1000, "left"]);
    expect(second.take("join").participant!.sid).not.toBe(sid);
    expect(bo.seen("ada")!.sid).not.toBe(sid);
    expect(hall.rooms.get("hall")!.participants).toHaveLength(2);
  });

  test("again under the same identity does not undo what was permitted and denied meanwhile", () => {
    const hall = signalHall();
    new SignalClient(hall, "ada");
    const { permission } = hall.rooms.get("hall")!.participant("ada")!.profile;
    must(
      hall.rooms
        .get("hall")!
        .participant("ada")!
        .update({ permission: { ...permission, canPublish: false } }),
    );
    const second = new SignalClient(hall, "ada");
    expect(second.take("join").participant!.permission!.canPublish).toBe(false);
    second.send({ case: "addTrack", value: MICROPHONE });
    expect(second.take("requestResponse").reason).toBe(RequestResponse_Reason.NOT_ALLOWED);
    second.send({ case: "leave", value: new LeaveRequest() });
    expect(new SignalClient(hall, "ada").take("join").participant!.permission!.canPublish).toBe(true);
  });

  test("tracks that are announced with it are answered one by one, refusals too", () => {
    const hall = signalHall();
    const who = claims("ada", { canPublishSources: ["microphone"] });
    const ada = new SignalClient(hall, who, { addTracks: [CAMERA, MICROPHONE] });
    expect(ada.take("requestResponse")).toMatchObject({
      reason: RequestResponse_Reason.NOT_ALLOWED,
      request: { case: "addTrack", value: { cid: "cam" } },
    });
    expect(ada.take("trackPublished").cid).toBe("mic");
  });

  test("a room that is full says so", () => {
    const hall = signalHall({ maxParticipants: 1 });
    new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    expect(bo.take("leave")).toMatchObject({ reason: DisconnectReason.JOIN_FAILURE });
    expect(bo.closed).toEqual([1008, "refused"]);
  });

  test("own words are taken along by those who may have some", () => {
    const hall = signalHall();
    const words = { metadata: "mine", attributes: { role: "guest" } };
    new SignalClient(hall, claims("ada", { canUpdateOwnMetadata: true }), words);
    new SignalClient(hall, "bo", words);
    const room = hall.rooms.get("hall")!;
    expect(room.participant("ada")!.profile).toMatchObject(words);
    expect(room.participant("bo")!.profile).toMatchObject({ metadata: "", attributes: {} });
  });

  test.each([
    ["metadata", { metadata: "x".repeat(64_001) }],
    ["attributes", { attributes: { a: "x".repeat(40_000), b: "y".repeat(40_000) } }],
  ])("own words are not longer than they may become later: %s", (_what, words) => {
    const hall = signalHall();
    const present = new SignalClient(hall, "ada");
    const ada = new SignalClient(hall, claims("ada", { canUpdateOwnMetadata: true }), words);
    expect(ada.take("leave")).toMatchObject({
      reason: DisconnectReason.JOIN_FAILURE,
      action: LeaveRequest_Action.DISCONNECT,
    });
    expect(ada.closed).toEqual([1008, "refused"]);
    expect(present.closed).toBeNull();
    // Who may say nothing of himself is not asked what he says.
    new SignalClient(hall, "bo", words);
    expect(hall.rooms.get("hall")!.participant("bo")).toBeDefined();
  });
});

describe("publishing", () => {
  test("tracks are announced, then bound to the sections that name them", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(ada);
    const announced = [ada.take("trackPublished"), ada.take("trackPublished")];
    expect(announced.map(({ cid }) => cid)).toEqual([MICROPHONE_CID, CAMERA_CID]);
    const tracks = tracksOf(hall, "ada");
    expect(tracks.map(({ id }) => id)).toEqual(announced.map(({ track }) => track!.sid));
    expect(tracks.map(({ section }) => section.mid)).toEqual(["0", "1"]);
    expect(bo.seen("ada")!.tracks).toMatchObject([
      { name: "mic", mimeType: "audio/red" },
      { name: "cam", mimeType: "video/VP8", width: 1280, simulcast: true },
    ]);
    const { id, sdp } = ada.take("answer");
    expect(id).toBe(1);
    expect(description(sdp).sections.map(({ direction }) => direction)).toEqual(["recvonly", "recvonly"]);
  });

  test("a source that its kind can not have does not count", () => {
    const hall = signalHall();
    const disguised = withCid(CAMERA, CAMERA_CID, { source: TrackSource.MICROPHONE });
    const ada = new SignalClient(hall, claims("ada", { canPublishSources: ["microphone"] }));
    const bo = new SignalClient(hall, "bo");
    for (const client of [ada, bo]) {
      client.send({ case: "addTrack", value: disguised });
      client.offer("chromium-publish-simulcast");
    }
    expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.NOT_ALLOWED);
    expect(tracksOf(hall, "ada")).toEqual([]);
    expect(tracksOf(hall, "bo")).toMatchObject([{ section: { kind: "video", source: "unknown" } }]);
  });

  test("an offer may come before what it is about", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.offer("chromium-publish-simulcast");
    expect(tracksOf(hall, "ada")).toEqual([]);
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, {}) });
    expect(tracksOf(hall, "ada").map(({ section }) => section.mid)).toEqual(["1"]);
  });

  test("sections under names of the browser's own are taken in the order of what was announced before them", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: CAMERA });
    ada.send({ case: "addTrack", value: MICROPHONE });
    const vp9 = new SimulcastCodec({ codec: "vp9" });
    ada.send({ case: "addTrack", value: withCid(CAMERA, "screen", { simulcastCodecs: [vp9] }) });
    ada.offer("firefox-publish-simulcast");
    const tracks = tracksOf(hall, "ada");
    expect(tracks.map(({ section }) => section.mid)).toEqual(["0", "1"]);
    expect(tracks.map(({ note }) => (note as typeof CAMERA).cid)).toEqual(["mic", "cam"]);
    const codecs = description(ada.take("answer").sdp).sections.map((section) => section.codecs[0]?.name);
    expect(codecs).toEqual(["opus", "VP8"]);
  });

  test("a section that was there before is not taken for a track that is announced later", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.offer("firefox-publish-simulcast");
    ada.send({ case: "addTrack", value: CAMERA });
    ada.offer("firefox-publish-simulcast", 2);
    expect(tracksOf(hall, "ada")).toEqual([]);
  });

  test("a section that is refused by its own offer is not taken for a track", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: CAMERA });
    const gone = "m=video 0 UDP/TLS/RTP/SAVPF 120\r\na=mid:gone\r\na=rtpmap:120 VP8/90000\r\n";
    const sdp = offerText("firefox-publish-simulcast").replace(/^m=video/m, (line) => gone + line);
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 1 }) });
    expect(tracksOf(hall, "ada").map(({ section }) => section.mid)).toEqual(["1"]);
  });

  test("who is named is not taken for another", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: withCid(CAMERA, "screen", {}) });
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, {}) });
    ada.offer("chromium-publish-simulcast");
    expect(tracksOf(hall, "ada").map(({ note }) => (note as typeof CAMERA).cid)).toEqual([CAMERA_CID]);
  });

  test("the codec that is asked for stands first in the answer, and redundancy where nothing is sealed", () => {
    const hall = signalHall();
    const codecs = (encryption: number): (string | undefined)[] => {
      const ada = new SignalClient(hall, "ada");
      ada.send({ case: "addTrack", value: withCid(MICROPHONE, MICROPHONE_CID, { encryption }) });
      const camera = withCid(CAMERA, CAMERA_CID, {
        encryption,
        simulcastCodecs: [new SimulcastCodec({ codec: "vp9" })],
      });
      ada.send({ case: "addTrack", value: camera });
      ada.offer("chromium-publish-simulcast");
      return description(ada.take("answer").sdp).sections.map((section) => section.codecs[0]?.name);
    };
    expect(codecs(0)).toEqual(["red", "VP9"]);
    expect(codecs(1)).toEqual(["opus", "VP9"]);
  });

  test.each([
    ["vp9", "video/VP9", "VP9"],
    ["video/AV1", "video/AV1", "AV1"],
    ["h265", "video/VP8", "VP8"],
    ["nonsense", "video/VP8", "VP8"],
    ["", "", "H264"],
  ])("who asks for the codec %j is promised %j, and answered so", (asked, promised, answered) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const simulcastCodecs = [new SimulcastCodec({ codec: asked })];
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, { simulcastCodecs }) });
    const { mimeType, codecs } = ada.take("trackPublished").track!;
    expect([mimeType, codecs[0]?.mimeType ?? ""]).toEqual([promised, promised]);
    // What its browser would send of its own accord.
    const sdp = offerText("chromium-publish-simulcast").replace(
      /(m=video .*?SAVPF) 96 97 (.*)/,
      "$1 $2 96 97",
    );
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 1 }) });
    expect(description(ada.take("answer").sdp).sections[1]!.codecs[0]!.name).toBe(answered);
  });

  test.each([
    ["vp9", VideoLayer_Mode.MODE_UNUSED, VideoLayer_Mode.MULTIPLE_SPATIAL_LAYERS_PER_STREAM],
    ["vp9", VideoLayer_Mode.ONE_SPATIAL_LAYER_PER_STREAM, VideoLayer_Mode.ONE_SPATIAL_LAYER_PER_STREAM],
    ["vp8", VideoLayer_Mode.MODE_UNUSED, VideoLayer_Mode.ONE_SPATIAL_LAYER_PER_STREAM],
  ])("of a %s with several RIDs, said to come as %d, the others are told %d", (codec, said, told) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const simulcastCodecs = [new SimulcastCodec({ codec, videoLayerMode: said })];
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, { simulcastCodecs }) });
    ada.offer("chromium-publish-simulcast");
    expect(tracksOf(hall, "ada")[0]!.section.rids).toHaveLength(3);
    const [track] = new SignalClient(hall, "bo").seen("ada")!.tracks;
    expect(track!.codecs[0]!.videoLayerMode).toBe(told);
  });

  test("a section that falls silent ends its track", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(ada);
    const silent = offerText("chromium-publish-simulcast").replace("a=sendonly", "a=inactive");
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp: silent, id: 2 }) });
    expect(tracksOf(hall, "ada").map(({ section }) => section.kind)).toEqual(["video"]);
    expect(bo.seen("ada")!.tracks).toHaveLength(1);
    expect(ada.take("trackUnpublished").trackSid).toMatch(/^TR_/);
  });

  test.each(["of one that goes on", "of one that was ended by us"])(
    "a section %s may come with another track the next time",
    (before) => {
      const hall = signalHall();
      const ada = new SignalClient(hall, "ada");
      publish(ada);
      const [first] = tracksOf(hall, "ada");
      if (before === "of one that was ended by us") [...first!.publisher.transports][0]!.unpublish(first!);
      const next = "d6a1a5d5-7b5c-4f4e-9d35-0d6d3a1f6f0e";
      ada.send({ case: "addTrack", value: withCid(MICROPHONE, next, {}) });
      const sids = ada.messages.flatMap(({ case: kind, value }) =>
        kind === "trackPublished" ? value.track!.sid : [],
      );
      const sdp = offerText("chromium-publish-simulcast").replaceAll(MICROPHONE_CID, next);
      ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 2 }) });
      expect(ada.take("trackUnpublished").trackSid).toBe(first!.id);
      expect(tracksOf(hall, "ada").map(({ id, section }) => [section.mid, id])).toEqual([
        ["1", sids[1]],
        ["0", sids[2]],
      ]);
      ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 3 }) });
      expect(tracksOf(hall, "ada")).toHaveLength(2);
    },
  );

  test("of two sections under one name the first has the track", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: withCid(MICROPHONE, MICROPHONE_CID, {}) });
    const sdp = withSections(offerText("chromium-publish-simulcast"), 1, 0).replace(
      /a=mid:more0.*/s,
      (body) => body.replaceAll("3588119298", "3588119299"),
    );
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 1 }) });
    expect(tracksOf(hall, "ada").map(({ section }) => section.mid)).toEqual(["0"]);
    expect(hall.thread.sent("up-track.add")).toHaveLength(1);
  });

  test("of two sections under the name of what may not be published any more, neither ends another track", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: withCid(MICROPHONE, MICROPHONE_CID, {}) });
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, {}) });
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    const { permission } = participant.profile;
    must(participant.update({ permission: { ...permission, canPublishSources: ["camera"] } }));
    const microphone = ada.take("trackPublished").track!.sid;
    const sdp = withSections(offerText("chromium-publish-simulcast"), 1, 0).replace(
      /a=mid:more0.*/s,
      (body) => body.replaceAll("3588119298", "3588119299"),
    );
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 1 }) });
    const ended = ada.messages.flatMap(({ case: kind, value }) =>
      kind === "trackUnpublished" ? value.trackSid : [],
    );
    expect(ended).toEqual([microphone]);
    const [camera] = tracksOf(hall, "ada");
    ada.send({ case: "mute", value: new MuteTrackRequest({ sid: camera!.id, muted: true }) });
    expect(camera!.muted).toBe(true);
  });

  test("a section goes on under its name though that is announced once more", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const tracks = tracksOf(hall, "ada");
    publish(ada);
    expect(tracksOf(hall, "ada")).toEqual(tracks);
  });

  test.each([
    ["without the grant", { canPublish: false }, {}, RequestResponse_Reason.NOT_ALLOWED],
    ["of another source", { canPublishSources: ["microphone"] }, {}, RequestResponse_Reason.NOT_ALLOWED],
    ["in the clear where all is sealed", {}, { e2ee: "required" }, RequestResponse_Reason.NOT_ALLOWED],
    ["beyond the limit", {}, { maxTracksPerParticipant: 0 }, RequestResponse_Reason.LIMIT_EXCEEDED],
  ] as const)("%s is refused", (_title, grants, options, reason) => {
    const hall = signalHall(options as never);
    const ada = new SignalClient(hall, claims("ada", grants as never));
    ada.send({ case: "addTrack", value: CAMERA });
    const { reason: refused, request } = ada.take("requestResponse");
    expect([refused, request.case]).toEqual([reason, "addTrack"]);
    ada.offer("chromium-publish-simulcast");
    expect(tracksOf(hall, "ada")).toEqual([]);
  });

  test("a permission that is taken away ends tracks, and nothing else comes into their sections", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    const { permission } = participant.profile;
    must(participant.update({ permission: { ...permission, canPublishSources: ["microphone"] } }));
    const { trackSid } = ada.take("trackUnpublished");
    expect(trackSid).toMatch(/^TR_/);
    must(participant.update({ permission }));
    ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, {}) });
    expect(tracksOf(hall, "ada").map(({ section }) => section.kind)).toEqual(["audio"]);
  });

  test.each([
    ["gcm", 1, "livekit"],
    ["nothing", 0, undefined],
    ["a format of its own", 2, undefined],
  ])(
    "of frames that are said to be sealed with %s it is known how they end",
    (_title, encryption, trailer) => {
      const hall = signalHall();
      publish(new SignalClient(hall, "ada"), { encryption });
      for (const { track } of hall.thread.sent("up-track.add")) expect(track.trailer).toBe(trailer);
    },
  );

  test("tracks that were announced and never came give way to others", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const announce = (cid: string): void =>
      ada.send({ case: "addTrack", value: withCid(MICROPHONE, cid, {}) });
    for (let n = 0; n < 4; n++) announce(`given up ${n}`);
    const sids = [0, 1, 2, 3].map(() => ada.take("trackPublished").track!.sid);
    announce("one too many");
    expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
    hall.clock.set(-3_600_000);
    for (let n = 0; n < 4; n++) {
      hall.clock.pass(10_000);
      ada.send({ case: "ping", value: 1n });
    }
    // However long it took, until there is no room.
    expect(ada.kinds()).not.toContain("trackUnpublished");
    announce(MICROPHONE_CID);
    expect(sids.map(() => ada.take("trackUnpublished").trackSid)).toEqual(sids);
    const { sid } = ada.take("trackPublished").track!;
    ada.offer("chromium-publish-simulcast");
    expect(tracksOf(hall, "ada").map(({ id }) => id)).toEqual([sid]);
  });

  test("a track that became forbidden before its section came is taken back", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "addTrack", value: withCid(MICROPHONE, MICROPHONE_CID, {}) });
    const { sid } = ada.take("trackPublished").track!;
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    must(participant.update({ permission: { ...participant.profile.permission, canPublish: false } }));
    ada.offer("chromium-publish-simulcast");
    expect(ada.take("trackUnpublished").trackSid).toBe(sid);
    expect(tracksOf(hall, "ada")).toEqual([]);
  });

  test.each([
    ["before its section came", 0, "before", 2],
    ["just after its answer", 1, "after", 2],
    ["long after that", 60, "after", 1],
  ] as const)(
    "a track is taken back %s: a client that may not know it yet is told once more",
    (_when, seconds, revoked, times) => {
      const hall = signalHall();
      const ada = new SignalClient(hall, "ada");
      const participant = hall.rooms.get("hall")!.participant("ada")!;
      const { permission } = participant.profile;
      const revoke = (): void =>
        void must(participant.update({ permission: { ...permission, canPublish: false } }));
      const pass = (until: number): void => {
        for (let n = 0; n < until; n++) {
          hall.clock.pass(1_000);
          ada.send({ case: "ping", value: 1n });
        }
      };
      ada.send({ case: "addTrack", value: withCid(CAMERA, CAMERA_CID, {}) });
      const { sid } = ada.take("trackPublished").track!;
      if (revoked === "before") revoke();
      ada.offer("chromium-publish-simulcast");
      pass(seconds);
      if (revoked === "after") revoke();
      expect(ada.take("trackUnpublished").trackSid).toBe(sid);
      // Not before it has taken in the answer.
      pass(4);
      expect(ada.kinds()).not.toContain("trackUnpublished");
      pass(56);
      const again = ada.kinds().filter((kind) => kind === "trackUnpublished").length;
      expect(1 + again).toBe(times);
    },
  );

  test("a client that ends its new track itself is told once", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const silent = offerText("chromium-publish-simulcast").replace("a=sendonly", "a=inactive");
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp: silent, id: 2 }) });
    expect(ada.take("trackUnpublished").trackSid).toMatch(/^TR_/);
    hall.clock.pass(14_000);
    expect(ada.kinds()).not.toContain("trackUnpublished");
  });

  test("a track that is cut because it does not look sealed ends with a reason, and does not come back", () => {
    const hall = signalHall({ e2eeGuard: "cut" });
    const ada = new SignalClient(hall, "ada");
    publish(ada, { encryption: 1 });
    const [, camera] = tracksOf(hall, "ada");
    hall.thread.emit({ kind: "up-track.suspect", trackId: camera!.id, suspect: true });
    expect(ada.take("requestResponse")).toMatchObject({
      reason: RequestResponse_Reason.NOT_ALLOWED,
      message: expect.stringContaining("does not look so"),
      request: { case: "addTrack", value: { cid: CAMERA_CID } },
    });
    expect(ada.take("trackUnpublished").trackSid).toBe(camera!.id);
    ada.offer("chromium-publish-simulcast", 2);
    expect(tracksOf(hall, "ada").map(({ section }) => section.kind)).toEqual(["audio"]);
  });

  test("what nobody wants is told, in the publisher's own qualities", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const camera = tracksOf(hall, "ada")[1]!;
    hall.thread.emit({ kind: "up-track.wanted", trackId: camera.id, spatial: 0 } as never);
    const { trackSid, subscribedCodecs } = ada.take("subscribedQualityUpdate");
    expect(trackSid).toBe(camera.id);
    expect(subscribedCodecs[0]).toMatchObject({ codec: "vp8" });
  });

  test.each([
    ["paused", "~", 2],
    ["sent", "", 0],
  ])("what is wanted is told again after an answer to an offer that says %s", (_what, mark, spatial) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const { id: trackId } = tracksOf(hall, "ada")[1]!;
    hall.thread.emit({ kind: "up-track.wanted", trackId, spatial } as never);
    ada.messages.length = 0;
    // It was written before the client heard of that.
    const sdp = offerText("chromium-publish-simulcast").replace(";h;f", `;${mark}h;${mark}f`);
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 2 }) });
    expect(ada.kinds()).toEqual(["answer", "subscribedQualityUpdate"]);
    expect(ada.take("subscribedQualityUpdate").trackSid).toBe(trackId);
  });

  test("what is wanted is not told again where the offer says so", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const { id: trackId } = tracksOf(hall, "ada")[1]!;
    hall.thread.emit({ kind: "up-track.wanted", trackId, spatial: 1 } as never);
    ada.messages.length = 0;
    const sdp = offerText("chromium-publish-simulcast").replace(";f", ";~f");
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp, id: 2 }) });
    expect(ada.kinds()).toEqual(["answer"]);
  });
});

describe("muting", () => {
  test("by the client is told to others, not to itself", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(ada);
    const { sid } = ada.take("trackPublished").track!;
    ada.send({ case: "mute", value: { sid, muted: true } as never });
    expect(bo.seen("ada")!.tracks[0]).toMatchObject({ sid, muted: true });
    expect(ada.kinds()).not.toContain("mute");
  });

  test("by the server is told to the client, who may unmute", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const [track] = tracksOf(hall, "ada");
    track!.setMuted(true);
    expect(ada.take("mute")).toMatchObject({ sid: track!.id, muted: true });
    ada.send({ case: "mute", value: { sid: track!.id, muted: false } as never });
    expect(track!.muted).toBe(false);
    expect(ada.kinds()).not.toContain("mute");
  });

  test("a track may begin muted", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(ada, { muted: true });
    expect(ada.take("trackPublished").track!.muted).toBe(true);
    expect(bo.seen("ada")!.tracks.map(({ muted }) => muted)).toEqual([true, true]);
  });
});

describe("receiving", () => {
  function watched(autoSubscribe = true) {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const [microphone, camera] = tracksOf(hall, "ada");
    hall.thread.codec(microphone!.id, OPUS);
    hall.thread.codec(camera!.id, VP8);
    const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
    const bo = new SignalClient(hall, "bo", { offer, autoSubscribe });
    const slots = () => hall.rooms.get("hall")!.participant("bo")!.subscriptions;
    return { hall, ada, bo, microphone: microphone!, camera: camera!, slots };
  }

  test("the first answer has all tracks, under the names of their sections", () => {
    const { ada, bo, microphone, camera, slots } = watched();
    const { midToTrackId, sdp } = bo.take("answer");
    expect(midToTrackId).toEqual({ "0": microphone.id, "1": camera.id });
    expect(description(sdp).sections.map(({ direction }) => direction)).toEqual([
      "sendonly",
      "sendonly",
      "inactive",
      "inactive",
    ]);
    // One stream for what is to be played in sync.
    const streamId = `${camera.publisher.id}|camera`;
    expect(description(sdp).sections.map(({ msid }) => msid)).toEqual([
      { streamId, trackId: microphone.id },
      { streamId, trackId: camera.id },
      null,
      null,
    ]);
    expect(slots().map(({ track }) => track)).toEqual([microphone, camera]);
    expect([ada.take("trackSubscribed").trackSid, ada.take("trackSubscribed").trackSid]).toEqual([
      microphone.id,
      camera.id,
    ]);
  });

  test("what is not subscribed by itself is when asked for, and ends when not", () => {
    const { hall, ada, bo, camera, slots } = watched(false);
    expect(bo.take("answer").midToTrackId).toEqual({});
    const subscribe = (wanted: boolean): void => {
      bo.send({
        case: "subscription",
        value: new UpdateSubscription({ trackSids: [camera.id], subscribe: wanted }),
      });
      hall.clock.pass(GATHERED_MS);
    };
    subscribe(true);
    expect(bo.take("mediaSectionsRequirement")).toMatchObject({ numAudios: 0, numVideos: 0 });
    bo.offer("chromium-watch", 2);
    expect(bo.take("answer").midToTrackId).toEqual({ "1": camera.id });
    subscribe(false);
    expect(slots().every(({ track }) => track === null)).toBe(true);
    bo.take("mediaSectionsRequirement");
    bo.offer("chromium-watch", 3);
    expect(bo.take("answer").midToTrackId).toEqual({});
    expect(hall.rooms.get("hall")!.participants).toHaveLength(2);
    expect(ada.closed).toBeNull();
  });

  test("a section that is used again carries other SSRCs", () => {
    const { bo, camera, slots } = watched();
    bo.take("answer");
    const sender = (): DownTrackParams => slots().find(({ track }) => track === camera)!.section;
    const before = sender();
    const value = (subscribe: boolean): UpdateSubscription =>
      new UpdateSubscription({ trackSids: [camera.id], subscribe });
    bo.send({ case: "subscription", value: value(false) });
    bo.offer("chromium-watch", 2);
    bo.take("answer");
    bo.send({ case: "subscription", value: value(true) });
    bo.offer("chromium-watch", 3);
    expect(bo.take("answer").midToTrackId).toMatchObject({ "1": camera.id });
    const { ssrc, rtxSsrc, cname } = sender();
    expect(before).not.toMatchObject({ ssrc });
    expect(before).not.toMatchObject({ rtxSsrc });
    expect(before).toMatchObject({ cname });
  });

  test("a track that is not there is told", () => {
    const { bo } = watched();
    const value = new UpdateSubscription({ trackSids: ["TR_none"], subscribe: true });
    bo.send({ case: "subscription", value });
    expect(bo.take("subscriptionResponse")).toMatchObject({ trackSid: "TR_none" });
  });

  test("sizes and pauses become preferences, and are kept while the track is not subscribed", () => {
    const { bo, camera, slots } = watched();
    const settings = new UpdateTrackSettings({ trackSids: [camera.id], width: 320, height: 180 });
    bo.send({ case: "trackSetting", value: settings });
    const [, slot] = slots();
    expect(slot!.preference).toMatchObject({ paused: false, visible: { width: 320, height: 180 } });
    bo.send({
      case: "trackSetting",
      value: new UpdateTrackSettings({ trackSids: [camera.id], disabled: true }),
    });
    expect(slot!.preference.paused).toBe(true);
  });

  test("of a video whose layers are not announced, a size takes none away by itself", () => {
    const { hall, bo, camera, slots } = watched();
    const guest = must(connect(hall.rooms, "guest").publish(section("video", { rids: ["q", "h", "f"] })));
    hall.thread.codec(guest.id, VP8);
    hall.clock.pass(GATHERED_MS);
    bo.offer("chromium-watch", 2);
    const preferred = (track: Track): number => {
      const value = new UpdateTrackSettings({ trackSids: [track.id], width: 1280, height: 720 });
      bo.send({ case: "trackSetting", value });
      return slots().find((slot) => slot.track === track)!.preference.preferred.spatial;
    };
    // What came by another protocol, and scalable video of which only the whole was announced.
    expect([preferred(guest), preferred(camera)]).toEqual([3, 3]);
  });

  test("who is hidden from now on is not received any more, and who is not is", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    for (const [n, track] of tracksOf(hall, "ada").entries()) {
      hall.thread.codec(track.id, n === 0 ? OPUS : VP8);
    }
    const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
    const bo = new SignalClient(hall, "bo", { offer });
    const room = hall.rooms.get("hall")!;
    const hide = (hidden: boolean): void => {
      const participant = room.participant("ada")!;
      must(participant.update({ permission: { ...participant.profile.permission, hidden } }));
      hall.clock.pass(GATHERED_MS);
    };
    const carried = (): number =>
      room.participant("bo")!.subscriptions.filter(({ track }) => track !== null).length;
    expect(carried()).toBe(2);
    hide(true);
    expect(carried()).toBe(0);
    bo.offer("chromium-watch", 2);
    hide(false);
    bo.offer("chromium-watch", 3);
    expect(bo.seen("ada")!.tracks).toHaveLength(2);
    expect(carried()).toBe(2);
  });

  test("goes on, under the same name, when the same identity publishes by a token of its own", () => {
    const hall = signalHall();
    const bo = new SignalClient(hall, "bo");
    publish(bo);
    for (const [n, track] of tracksOf(hall, "bo").entries())
      hall.thread.codec(track.id, n === 0 ? OPUS : VP8);
    const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
    new SignalClient(hall, { ...claims("ada"), name: "Ada" }, { offer });
    const publishOnly = claims("ada", { canSubscribe: false });
    const ada = must(hall.rooms.join("hall", publishOnly));
    hall.clock.pass(GATHERED_MS);
    expect(ada.profile).toMatchObject({ name: "Ada", permission: { canSubscribe: true } });
    expect(ada.subscriptions.filter(({ track }) => track !== null)).toHaveLength(2);
    const encoder = must(ada.openTransport(publishOnly.grants, REMOTE));
    expect(encoder.permission.canSubscribe).toBe(false);
    must(encoder.publish(section("video")));
    expect(bo.seen("ada")).toMatchObject({ name: "Ada", tracks: [{}] });
  });

  test("a publisher's audience decides, and subscribers are told", () => {
    const { ada, bo, camera, slots } = watched();
    const permit = (permission: object): void =>
      ada.send({ case: "subscriptionPermission", value: new SubscriptionPermission(permission) });
    permit({ allParticipants: false });
    expect(slots().every(({ track }) => track === null)).toBe(true);
    const denied = [bo.take("subscriptionPermissionUpdate"), bo.take("subscriptionPermissionUpdate")];
    expect(denied.map(({ allowed }) => allowed)).toEqual([false, false]);
    const trackPermissions = [
      new TrackPermission({ participantIdentity: "bo", trackSids: [camera.id as TrackId] }),
    ];
    permit({ allParticipants: false, trackPermissions });
    expect(bo.take("subscriptionPermissionUpdate")).toMatchObject({ trackSid: camera.id, allowed: true });
    bo.offer("chromium-watch", 2);
    bo.offer("chromium-watch", 3);
    expect(slots().filter(({ track }) => track !== null)).toHaveLength(1);
  });

  test("what is held back for lack of bandwidth is told, once", () => {
    const { hall, bo, camera, slots } = watched();
    const { subscriptionId } = slots()[1]!.section;
    const allot = (layers: null | { spatial: number; temporal: number }, cause: string): void =>
      hall.thread.emit({ kind: "down-track.allotted", subscriptionId, layers, cause, reason: "" } as never);
    allot(null, "absent");
    expect(bo.kinds()).not.toContain("streamStateUpdate");
    allot(null, "bandwidth");
    allot(null, "bandwidth");
    expect(bo.take("streamStateUpdate").streamStates).toMatchObject([{ trackSid: camera.id, state: 1 }]);
    allot({ spatial: 0, temporal: 0 }, "complete");
    expect(bo.take("streamStateUpdate").streamStates).toMatchObject([{ trackSid: camera.id, state: 0 }]);
    expect(bo.kinds()).not.toContain("streamStateUpdate");
  });

  test("two PeerConnections: the server offers, one at a time", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada", { singleConnection: false });
    expect(ada.take("join").subscriberPrimary).toBe(true);
    const first = ada.take("offer");
    expect(description(first.sdp).sections.map(({ media }) => media)).toEqual(["application"]);
    const bo = new SignalClient(hall, "bo");
    publish(bo);
    expect(ada.kinds()).not.toContain("offer");
    const answer = first.sdp.replace("setup:actpass", "setup:active");
    const answered = (id: number): void =>
      ada.send({ case: "answer", value: new SessionDescription({ type: "answer", sdp: answer, id }) });
    answered(first.id + 1);
    expect(ada.kinds()).not.toContain("offer");
    answered(first.id);
    hall.clock.pass(GATHERED_MS);
    const second = ada.take("offer");
    expect(description(second.sdp).sections.map(({ media, direction }) => `${media} ${direction}`)).toEqual([
      "application sendrecv",
      "audio sendonly",
      "video sendonly",
    ]);
    expect(Object.values(second.midToTrackId)).toEqual(tracksOf(hall, "bo").map(({ id }) => id));
  });

  test.each([true, false])("two PeerConnections: sound in stereo is called so: %s", (stereo) => {
    const hall = signalHall();
    publish(new SignalClient(hall, "bo"), { stereo });
    const ada = new SignalClient(hall, "ada", { singleConnection: false });
    const [, sound] = description(ada.take("offer").sdp).sections;
    const { fmtp } = sound!.codecs.find(({ name }) => name === "opus")!;
    expect(fmtp.split(";").includes("sprop-stereo=1")).toBe(stereo);
  });

  test("a room's tracks are not gathered once more for each of its clients", () => {
    const hall = signalHall({ maxParticipants: 100 });
    const gathered = [1, 20].map((clients) => {
      const room = `room ${clients}`;
      const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
      for (let n = 0; n < clients; n++) new SignalClient(hall, claims(`viewer ${n}`, { room }), { offer });
      const ada = new SignalClient(hall, claims("ada", { room }));
      const tracks = vi.spyOn(hall.rooms.get(room)!, "tracks");
      publish(ada);
      return tracks.mock.calls.length;
    });
    expect(gathered[1]).toBe(gathered[0]);
  });

  test("over one PeerConnection what comes together is asked for together", () => {
    const hall = signalHall();
    const offer = new SessionDescription({ type: "offer", sdp: offerText("chromium-watch"), id: 1 });
    const ada = new SignalClient(hall, "ada", { offer });
    for (const name of ["bo", "cy"]) publish(new SignalClient(hall, name));
    const demands = (): number => ada.kinds().filter((kind) => kind === "mediaSectionsRequirement").length;
    expect(demands()).toBe(0);
    hall.clock.pass(GATHERED_MS);
    expect(demands()).toBe(1);
    ada.offer("chromium-watch", 2);
    hall.clock.pass(GATHERED_MS);
    expect(demands()).toBe(1);
  });

  test("over two PeerConnections who may receive only later is offered what there is then", () => {
    const hall = signalHall();
    publish(new SignalClient(hall, "bo"));
    const ada = new SignalClient(hall, claims("ada", { canSubscribe: false }), { singleConnection: false });
    hall.clock.pass(GATHERED_MS);
    expect(ada.kinds()).not.toContain("offer");
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    must(participant.update({ permission: { ...participant.profile.permission, canSubscribe: true } }));
    hall.clock.pass(GATHERED_MS);
    expect(Object.values(ada.take("offer").midToTrackId)).toEqual(tracksOf(hall, "bo").map(({ id }) => id));
  });

  test("over two PeerConnections what comes together is offered together", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada", { singleConnection: false });
    const answer = ({ sdp, id }: SessionDescription): void => {
      const value = new SessionDescription({ type: "answer", sdp: sdp.replace("actpass", "active"), id });
      ada.send({ case: "answer", value });
    };
    answer(ada.take("offer"));
    for (const name of ["bo", "cy"]) publish(new SignalClient(hall, name));
    expect(ada.kinds()).not.toContain("offer");
    hall.clock.pass(GATHERED_MS);
    const offer = ada.take("offer");
    expect(description(offer.sdp).sections.map(({ media }) => media)).toEqual([
      "application",
      "audio",
      "audio",
      "video",
      "video",
    ]);
    expect(ada.kinds()).not.toContain("offer");
  });

  test("who joins over one PeerConnection is asked at once for the sections that are missing", () => {
    const hall = signalHall();
    for (const name of ["bo", "cy", "di"]) publish(new SignalClient(hall, name));
    const sdp = offerText("chromium-watch");
    const offer = new SessionDescription({ type: "offer", sdp, id: 1 });
    const ada = new SignalClient(hall, "ada", { offer });
    const { numAudios, numVideos } = ada.take("mediaSectionsRequirement");
    expect(description(sdp).sections.length + numAudios + numVideos).toBe(6);
  });

  test("who joins a very large room is not asked for more than is read", () => {
    const hall = signalHall({ maxParticipants: 200 });
    for (let n = 0; n < 150; n++) {
      const transport = connect(hall.rooms, `publisher ${n}`);
      for (const kind of ["audio", "video"] as const) must(transport.publish(section(kind)));
    }
    const sdp = offerText("chromium-watch");
    const offer = new SessionDescription({ type: "offer", sdp, id: 1 });
    const ada = new SignalClient(hall, "ada", { offer });
    const { numAudios, numVideos } = ada.take("mediaSectionsRequirement");
    const grown = withSections(sdp, numAudios, numVideos);
    ada.messages.length = 0;
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp: grown, id: 2 }) });
    hall.clock.pass(GATHERED_MS);
    expect(Object.keys(ada.take("answer").midToTrackId)).toHaveLength(200);
    expect(ada.kinds()).not.toContain("mediaSectionsRequirement");
  });
});

describe("coming back", () => {
  test("within the time of grace to the same place, with what has happened meanwhile", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    const { sid } = ada.take("join").participant!;
    ada.vanish();
    hall.clock.pass(19_000);
    publish(bo);
    const again = new SignalClient(hall, "ada", { resumes: sid });
    expect(again.messages[0]!.case).toBe("reconnect");
    expect(again.seen("bo")!.tracks).toHaveLength(2);
    hall.clock.pass(19_000);
    expect(hall.rooms.get("hall")!.participant("ada")!.id).toBe(sid);
  });

  test("too late, as somebody else, or to a place that never was: a full reconnect", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const { sid } = ada.take("join").participant!;
    ada.vanish();
    const thief = new SignalClient(hall, "mallory", { resumes: sid });
    hall.clock.pass(20_000);
    const late = new SignalClient(hall, "ada", { resumes: sid });
    for (const one of [thief, late]) {
      expect(one.take("leave")).toMatchObject({
        reason: DisconnectReason.STATE_MISMATCH,
        action: LeaveRequest_Action.RECONNECT,
      });
      expect(one.closed).not.toBeNull();
    }
    expect(hall.rooms.get("hall")!.participants).toEqual([]);
  });

  test.each([
    ["removed", DisconnectReason.PARTICIPANT_REMOVED],
    ["sent away with its room", DisconnectReason.ROOM_DELETED],
    ["replaced", DisconnectReason.DUPLICATE_IDENTITY],
  ] as const)("not by oneself, of who was %s meanwhile", (how, reason) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const resumes = ada.take("join").participant!.sid;
    ada.vanish();
    const other = how === "replaced" ? new SignalClient(hall, "ada") : null;
    if (how === "removed") hall.rooms.get("hall")!.participant("ada")!.leave("participant_removed");
    if (how === "sent away with its room") hall.rooms.get("hall")!.delete();
    hall.clock.pass(19_000);
    expect(hall.sessions.check(claims("ada"), { resumes })).toBe("session_over");
    const again = new SignalClient(hall, "ada", { resumes });
    expect(again.take("leave")).toMatchObject({ reason, action: LeaveRequest_Action.DISCONNECT });
    expect(other?.closed ?? null).toBeNull();
    // Who asks to join does.
    expect(new SignalClient(hall, "ada").kinds()).toContain("join");
  });

  test("not while another client has the identity, however long ago that came", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const resumes = ada.take("join").participant!.sid;
    ada.vanish();
    hall.clock.pass(20_000);
    const other = new SignalClient(hall, "ada");
    expect(hall.sessions.check(claims("ada"), { resumes })).toBe("session_over");
    expect(other.closed).toBeNull();
  });

  test("while the former connection is still open: that one ends, and nobody leaves", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const { sid } = ada.take("join").participant!;
    const again = new SignalClient(hall, "ada", { resumes: sid });
    expect(ada.closed).toEqual([1000, "replaced"]);
    ada.vanish();
    hall.clock.pass(15_000);
    again.send({ case: "ping", value: 1n });
    hall.clock.pass(15_000);
    expect(again.closed).toBeNull();
    expect(hall.rooms.get("hall")!.participant("ada")!.id).toBe(sid);
  });

  test("a transport that fails takes the session with it, and the client is to come back", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.offer("chromium-watch");
    const [transport] = hall.rooms.get("hall")!.participant("ada")!.transports;
    hall.thread.emit({ kind: "transport.state", transportId: transport!.id, state: "failed" });
    expect(ada.take("leave")).toMatchObject({ action: LeaveRequest_Action.RECONNECT });
    expect(hall.rooms.get("hall")!.participants).toEqual([]);
  });

  test.each([
    [
      "its transport fails",
      ({ rooms, thread }: SignalHall) => {
        const [{ id: transportId }] = [...rooms.get("hall")!.participant("ada")!.transports] as [Transport];
        thread.emit({ kind: "transport.state", transportId, state: "failed" });
      },
    ],
    ["its media thread is gone", ({ thread }: SignalHall) => thread.die()],
    ["the server ends", ({ rooms }: SignalHall) => rooms.deleteAll()],
  ])("when %s, a publisher still has its tracks to publish when it is back", (_, end) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    expect(tracksOf(hall, "ada")).toHaveLength(2);
    end(hall);
    expect(ada.take("leave")).toMatchObject({ action: LeaveRequest_Action.RECONNECT });
    // A client that hears that its track has ended forgets it.
    expect(ada.kinds()).not.toContain("trackUnpublished");
  });
});

describe("the connection", () => {
  test("pings are answered with their time", () => {
    const ada = new SignalClient(signalHall(), "ada");
    ada.send({ case: "pingReq", value: { timestamp: 7n, rtt: 0n } as never });
    expect(ada.take("pongResp").lastPingTimestamp).toBe(7n);
  });

  test("who writes JSON is answered in JSON", () => {
    const ada = new SignalClient(signalHall(), "ada");
    ada.connection.receive(new TextEncoder().encode('{"ping":"5","unknown":{}}'), "json");
    expect(ada.take("pong")).toBeDefined();
  });

  test.each([
    [
      "what cannot be read",
      (ada: SignalClient) => ada.connection.receive(Uint8Array.of(255), "binary"),
      1007,
    ],
    [
      "what is no JSON",
      (ada: SignalClient) => ada.connection.receive(new TextEncoder().encode("{"), "json"),
      1007,
    ],
    [
      "too many messages",
      (ada: SignalClient) => {
        for (let n = 0; n <= 1_000; n++) ada.send({ case: "ping", value: 1n });
      },
      1008,
    ],
  ])("%s ends it", (_title, send, code) => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    send(ada);
    expect(ada.closed?.[0]).toBe(code);
    // The participant has the usual time to come back.
    expect(hall.rooms.get("hall")!.participants).toHaveLength(1);
    hall.clock.pass(20_000);
    expect(hall.rooms.get("hall")!.participants).toEqual([]);
  });

  test("silence and unread messages end it", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    hall.clock.pass(20_000);
    expect(ada.closed).toEqual([1008, "silent"]);
    const bo = new SignalClient(hall, "bo");
    bo.bufferedBytes = 5_000_000;
    new SignalClient(hall, "cy");
    expect(bo.closed).toEqual([1008, "too_slow"]);
  });

  test("a description that cannot be read ends the session", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    ada.send({ case: "offer", value: new SessionDescription({ type: "offer", sdp: "nonsense", id: 1 }) });
    expect(ada.take("leave")).toBeDefined();
    expect(hall.rooms.get("hall")!.participants).toEqual([]);
  });
});

describe("what is said of participants and rooms", () => {
  test("own words are changed by those who may, and all requests are answered", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, claims("ada", { canUpdateOwnMetadata: true }));
    const bo = new SignalClient(hall, "bo");
    const update = (fields: object): UpdateParticipantMetadata => new UpdateParticipantMetadata(fields);
    ada.send({
      case: "updateMetadata",
      value: update({ name: "Ada", attributes: { a: "1", b: "2" }, requestId: 1 }),
    });
    ada.send({ case: "updateMetadata", value: update({ attributes: { a: "" }, requestId: 2 }) });
    expect([ada.take("requestResponse"), ada.take("requestResponse")]).toMatchObject([
      { requestId: 1, reason: RequestResponse_Reason.OK },
      { requestId: 2, reason: RequestResponse_Reason.OK },
    ]);
    expect(bo.seen("ada")).toMatchObject({ name: "Ada", attributes: { b: "2" } });
    bo.send({ case: "updateMetadata", value: update({ name: "Mallory", requestId: 3 }) });
    expect(bo.take("requestResponse")).toMatchObject({
      requestId: 3,
      reason: RequestResponse_Reason.NOT_ALLOWED,
    });
    ada.send({ case: "updateMetadata", value: update({ metadata: "x".repeat(64_001), requestId: 4 }) });
    expect(ada.take("requestResponse").reason).toBe(RequestResponse_Reason.LIMIT_EXCEEDED);
  });

  test("versions grow with each thing that is told", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(ada);
    const versions = bo.messages.flatMap((message) => {
      if (message.case !== "update") return [];
      return message.value.participants
        .filter(({ identity }) => identity === "ada")
        .map(({ version }) => version);
    });
    expect(versions.length).toBeGreaterThan(1);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  test("a room's metadata and its end are told", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const room = hall.rooms.get("hall")!;
    must(room.setOptions({ metadata: "topic" }));
    expect(ada.take("roomUpdate").room!.metadata).toBe("topic");
    room.delete();
    expect(ada.take("leave")).toMatchObject({
      reason: DisconnectReason.ROOM_DELETED,
      action: LeaveRequest_Action.DISCONNECT,
    });
  });

  test("how many are in the room is told to those who have been there for longer", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    publish(bo);
    hall.clock.pass(5_000);
    expect(ada.take("roomUpdate").room).toMatchObject({ numParticipants: 2, numPublishers: 1 });
    const cy = new SignalClient(hall, "cy");
    expect(cy.take("join").room!.numParticipants).toBe(3);
    bo.send({ case: "leave", value: {} as never });
    hall.clock.pass(5_000);
    for (const client of [ada, cy])
      expect(client.take("roomUpdate").room).toMatchObject({ numParticipants: 2, numPublishers: 0 });
    for (const client of [ada, cy]) client.send({ case: "ping", value: 1n });
    hall.clock.pass(10_000);
    expect(ada.kinds()).not.toContain("roomUpdate");
  });

  test("who speaks is told as it changes, and to those who come later", () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const [microphone] = tracksOf(hall, "ada");
    const room = hall.rooms.get("hall")!;
    const speak = (levels: readonly number[]): void =>
      hall.thread.emit({
        kind: "room.speakers",
        roomId: room.id,
        speakers: levels.map((level) => ({ trackId: microphone!.id, level })),
        dominant: null,
      });
    speak([0.5]);
    const sid = microphone!.publisher.id;
    expect(ada.take("speakersChanged").speakers).toMatchObject([{ sid, level: 0.5, active: true }]);
    const bo = new SignalClient(hall, "bo");
    expect(bo.take("speakersChanged").speakers).toMatchObject([{ sid, active: true }]);
    speak([0.5]);
    expect(ada.kinds()).not.toContain("speakersChanged");
    speak([]);
    expect(ada.take("speakersChanged").speakers).toMatchObject([{ sid, level: 0, active: false }]);
  });

  test("connections are measured, and told when they change", async () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    publish(ada);
    const [microphone] = tracksOf(hall, "ada");
    const measure = async (packets: number, packetsLost: number): Promise<void> => {
      for (let n = 0; n < 4; n++) {
        ada.send({ case: "ping", value: 1n });
        hall.clock.pass(1_250);
      }
      const { requestId } = hall.thread.sent("stats").at(-1)!;
      const layers = [{ packets, packetsLost }] as never;
      const upTracks = [{ trackId: microphone!.id, codec: null, layers, dependencyDescriptor: false }];
      hall.thread.emit({ kind: "stats", requestId, upTracks, downTracks: [], transports: [] });
      await new Promise(setImmediate);
    };
    const told = (): number | undefined => ada.take("connectionQuality").updates[0]?.quality;
    await measure(100, 0);
    expect(told()).toBe(ConnectionQuality.EXCELLENT);
    await measure(200, 0);
    expect(ada.kinds()).not.toContain("connectionQuality");
    await measure(270, 30);
    expect(told()).toBe(ConnectionQuality.POOR);
    await measure(370, 30);
    expect(told()).toBe(ConnectionQuality.EXCELLENT);
  });

  test("a permission that changes comes with a token that has it", async () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const participant = hall.rooms.get("hall")!.participant("ada")!;
    must(participant.update({ permission: { ...participant.profile.permission, canPublish: false } }));
    await expect.poll(() => ada.kinds()).toContain("refreshToken");
    const [, payload] = ada.take("refreshToken").split(".");
    const { sub, video } = JSON.parse(Buffer.from(payload!, "base64url").toString());
    expect([sub, video.canPublish, video.room]).toEqual(["ada", false, "hall"]);
    expect(ada.seen("ada")!.permission!.canPublish).toBe(false);
  });

  test("who is taken to another room is told of it, and keeps what it publishes", async () => {
    const hall = signalHall();
    const ada = new SignalClient(hall, "ada");
    const bo = new SignalClient(hall, "bo");
    new SignalClient(hall, { ...claims("cy", { room: "attic" }) });
    publish(ada);
    ada.messages.length = 0;
    must(hall.rooms.move(hall.rooms.get("hall")!.participant("ada")!, "attic"));
    await expect.poll(() => ada.kinds()).toContain("roomMoved");
    expect(ada.take("roomMoved")).toMatchObject({
      room: { name: "attic" },
      participant: { identity: "ada" },
      otherParticipants: [{ identity: "cy" }],
    });
    expect(ada.kinds()).not.toContain("trackUnpublished");
    expect(ada.closed).toBeNull();
    expect(bo.seen("ada")!.state).toBe(ParticipantInfo_State.DISCONNECTED);
  });
});
