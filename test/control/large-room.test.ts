/**
 * Goal: a room that outgrows a thread goes on in others; a track is piped to a thread for as long as somebody there
 * carries it, and its fate (mute, end, death of a thread) reaches all of them.
 * Method: real control over recording threads, two transports of a room in each.
 */
import { beforeEach, expect, test } from "vitest";
import type { Track } from "../../src/control/track.ts";
import type { Transport } from "../../src/control/transport.ts";
import { type Conference, conference, connect, must, RecordingThread, section, VP8 } from "./conference.ts";

let hall: Conference;
let home: RecordingThread;
let other: RecordingThread;
let publisher: Transport;
let track: Track;

beforeEach(() => {
  hall = conference({}, 2);
  home = hall.thread;
  other = new RecordingThread(1);
  hall.threads.add(other);
  publisher = connect(hall.rooms, "ada");
  connect(hall.rooms, "near");
  track = must(publisher.publish(section("video")));
  home.codec(track.id, VP8);
});

/** Somebody for whom the first thread has no room any more. */
function watchFromAfar(identity: string): Transport {
  const transport = connect(hall.rooms, identity);
  must(transport.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
  must(transport.watch({}));
  return transport;
}

test("the third transport goes to another thread, and so does the track that it watches", () => {
  watchFromAfar("bo");
  expect(home.sent("transport.open")).toHaveLength(2);
  expect(other.sent("transport.open")).toHaveLength(1);
  expect(home.pipes).toEqual([1]);
  const { channel } = home.sent("up-track.pipe")[0]!;
  expect(home.sent("up-track.pipe")).toEqual([{ kind: "up-track.pipe", trackId: track.id, to: 1, channel }]);
  expect(other.sent("piped-track.add")).toEqual([
    {
      kind: "piped-track.add",
      roomId: "hall",
      track: track.params,
      extensions: { "urn:ietf:params:rtp-hdrext:sdes:mid": 4 },
      from: 0,
      channel,
    },
  ]);
  const kinds = other.commands.map(({ kind }) => kind);
  expect(kinds.indexOf("piped-track.add")).toBeLessThan(kinds.indexOf("down-track.source"));
});

test("one pipe serves all subscriptions of a thread, and ends with the last", () => {
  const [bo, cy] = [watchFromAfar("bo"), watchFromAfar("cy")];
  expect(other.sent("piped-track.add")).toHaveLength(1);
  bo.close();
  expect(home.sent("up-track.unpipe")).toEqual([]);
  cy.close();
  expect(home.sent("up-track.unpipe")).toEqual([
    { kind: "up-track.unpipe", trackId: track.id, to: 1, channel: 1 },
  ]);
  expect(other.sent("piped-track.remove")).toEqual([{ kind: "piped-track.remove", trackId: track.id }]);
  watchFromAfar("dee");
  expect(home.sent("up-track.pipe").map(({ channel }) => channel)).toEqual([1, 2]);
});

test("watchers in the publisher's own thread need no pipe", () => {
  const near = [...hall.rooms.get("hall")!.participant("near")!.transports][0]!;
  must(near.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
  must(near.watch({}));
  expect(home.sent("down-track.source")).toHaveLength(1);
  expect(home.pipes).toEqual([]);
});

test("mute reaches every thread, also one that joins later", () => {
  watchFromAfar("bo");
  track.setMuted(true);
  expect([home, other].map((thread) => thread.sent("up-track.mute").length)).toEqual([1, 1]);

  connect(hall.rooms, "cy");
  const third = new RecordingThread(2);
  hall.threads.add(third);
  watchFromAfar("dee");
  expect(third.sent("up-track.mute")).toEqual([{ kind: "up-track.mute", trackId: track.id, muted: true }]);
});

test("a key frame that is wanted over there is asked for here", () => {
  watchFromAfar("bo");
  other.emit({ kind: "piped-track.keyframe", trackId: track.id, encoding: 2 });
  expect(home.sent("up-track.keyframe")).toEqual([
    { kind: "up-track.keyframe", trackId: track.id, encoding: 2 },
  ]);
});

test("the layer that is wanted is the highest of all threads, once the publisher's own has spoken", () => {
  const heard: (number | null)[] = [];
  track.onDemandChanged(() => heard.push(track.wanted));
  const want = (thread: RecordingThread, spatial: number): void =>
    thread.emit({ kind: "up-track.wanted", trackId: track.id, spatial });
  expect(track.wanted).toBeNull();
  const bo = watchFromAfar("bo");
  want(other, 0);
  expect(track.wanted).toBeNull();
  want(home, -1);
  want(other, 2);
  want(home, 1);
  want(other, 0);
  expect(track.wanted).toBe(1);
  want(other, 2);
  bo.close();
  expect(track.wanted).toBe(1);
  expect(heard).toEqual([0, 2, 1, 2, 1]);

  watchFromAfar("cy");
  want(other, 2);
  publisher.unpublish(track);
  expect(heard).toEqual([0, 2, 1, 2, 1, 2]);
});

test("the end of the track ends its pipes", () => {
  watchFromAfar("bo");
  publisher.unpublish(track);
  expect(other.sent("piped-track.remove")).toHaveLength(1);
  other.emit({ kind: "piped-track.keyframe", trackId: track.id, encoding: 0 });
  expect(home.sent("up-track.keyframe")).toEqual([]);
});

test("when the watchers' thread dies, the publisher stays and is piped there no more", () => {
  const bo = watchFromAfar("bo");
  other.die();
  expect(bo.state).toEqual({ kind: "closed", reason: "media_thread_exited" });
  expect(publisher.state.kind).toBe("open");
  expect(home.sent("up-track.unpipe")).toHaveLength(1);
});

test("when the publisher's thread dies, the watchers elsewhere stay, without the track", () => {
  const bo = watchFromAfar("bo");
  home.die();
  expect(publisher.state).toEqual({ kind: "closed", reason: "media_thread_exited" });
  expect(bo.state.kind).toBe("open");
  expect(bo.subscriptions.map(({ track: carried }) => carried)).toEqual([null]);
  expect(other.sent("piped-track.remove")).toHaveLength(1);
});

test("statistics are those of all threads, or none while one is silent", async () => {
  watchFromAfar("bo");
  const asked = hall.rooms.get("hall")!.stats();
  const upTracks = [{ trackId: track.id, codec: null, layers: [], dependencyDescriptor: false }];
  const { requestId } = home.sent("stats")[0]!;
  home.answer(requestId, { upTracks });
  other.answer(other.sent("stats")[0]!.requestId, {});
  expect(await asked).toEqual({ upTracks, downTracks: [], transports: [] });

  const silent = hall.rooms.get("hall")!.stats();
  hall.clock.pass(1_000);
  expect(await silent).toBeUndefined();
});
