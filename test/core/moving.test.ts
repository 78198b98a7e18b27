/**
 * Goal: a transport that is moved to another room goes on where it was, and belongs to the new room alone.
 * Method: three people without loss; the first, then the second is moved, with the commands that control would give.
 */
import { expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import type { MediaEvent } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";
import type { SimPeer } from "../sim/sim-peer.ts";
import { CLOCK_RATE, PAYLOAD_TYPE } from "../sim/sim-publisher.ts";

const SECOND_US = 1_000_000;
const [ROOM, ATTIC] = ["room", "attic"] as RoomId[];
const PAYLOAD = {
  payloadType: PAYLOAD_TYPE.vp8,
  codec: "VP8",
  clockRate: CLOCK_RATE.video,
  profile: "",
  rtxPayloadType: PAYLOAD_TYPE.vp8Rtx,
} as const;

/** Connects what `viewer` receives of `other`'s video to it, or to nothing. */
function connect({ core, nowUs }: Conference, viewer: SimPeer, other: SimPeer, connected: boolean): void {
  const { subscriptionId } = viewer.viewOf(other, "video");
  const source = connected ? { trackId: other.videoTrack, payload: PAYLOAD } : null;
  core.command(nowUs, { kind: "down-track.source", subscriptionId, source });
}

function move({ core, nowUs }: Conference, { transportId }: SimPeer, roomId: RoomId): void {
  core.command(nowUs, { kind: "transport.move", transportId, roomId });
}

/** Video tracks that a room has in the thread. */
function tracksIn({ core, nowUs, events }: Conference, roomId: RoomId): string[] {
  core.command(nowUs, { kind: "stats", requestId: 1, roomId });
  core.events.splice(0).forEach((event) => {
    events.push(event);
  });
  const stats = events.findLast(
    (event): event is Extract<MediaEvent, { kind: "stats" }> => event.kind === "stats",
  )!;
  return stats.upTracks.filter(({ codec }) => codec === "VP8").map(({ trackId }) => trackId);
}

test("who is moved is received in the new room, without a break in its numbers, and not in the old one", () => {
  const conference = new Conference({ people: 3, loss: 0, seed: 4 });
  const [ada, bo, cy] = conference.people as [SimPeer, SimPeer, SimPeer];
  const received = (viewer: SimPeer): number => viewer.viewOf(ada, "video").viewer.frames().complete.length;
  conference.run(3 * SECOND_US);

  for (const viewer of [bo, cy]) connect(conference, viewer, ada, false);
  for (const other of [bo, cy]) connect(conference, ada, other, false);
  move(conference, ada, ATTIC!);
  expect(tracksIn(conference, ROOM!)).toEqual([bo.videoTrack, cy.videoTrack]);
  expect(tracksIn(conference, ATTIC!)).toEqual([ada.videoTrack]);
  // In another room by now, so there is nothing to connect to.
  connect(conference, cy, ada, true);
  const [boHad, cyHad] = [received(bo), received(cy)];
  conference.run(2 * SECOND_US);
  expect([received(bo) - boHad, received(cy) - cyHad].every((frames) => frames <= 3)).toBe(true);

  connect(conference, bo, cy, false);
  connect(conference, cy, bo, false);
  move(conference, bo, ATTIC!);
  connect(conference, bo, ada, true);
  const before = received(bo);
  conference.run(3 * SECOND_US);
  expect(received(bo) - before).toBeGreaterThan(75);
  expect(conference.people.map(({ replayed }) => replayed)).toEqual([0, 0, 0]);

  conference.core.command(conference.nowUs, { kind: "up-track.mute", trackId: ada.videoTrack, muted: true });
  conference.run(SECOND_US);
  const muted = received(bo);
  conference.run(SECOND_US);
  expect(received(bo)).toBe(muted);
});

test("a room ends in the thread with the transport that leaves it last, and can be entered again", () => {
  const conference = new Conference({ people: 2, loss: 0, seed: 5 });
  const [ada, bo] = conference.people as [SimPeer, SimPeer];
  conference.run(SECOND_US);
  for (const person of [ada, bo]) move(conference, person, ATTIC!);
  expect(tracksIn(conference, ROOM!)).toEqual([]);
  for (const person of [ada, bo]) move(conference, person, ROOM!);
  expect(tracksIn(conference, ROOM!)).toEqual([ada.videoTrack, bo.videoTrack]);
  expect(tracksIn(conference, ATTIC!)).toEqual([]);
  move(conference, { ...ada, transportId: "TP_gone" } as unknown as SimPeer, ATTIC!);
  for (const { transportId } of [ada, bo]) {
    conference.core.command(conference.nowUs, { kind: "transport.close", transportId });
  }
  expect(conference.core.idle).toBe(true);
  expect(tracksIn(conference, ROOM!)).toEqual([]);
});
