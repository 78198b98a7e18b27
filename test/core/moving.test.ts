/**
 * Goal: a transport that is moved to another room goes on where it was, and belongs to the new room alone.
 * Method: three people without loss; the first, then the second is moved, with the commands that control would give.
 */
import { expect, test } from "vitest";
import type { RoomId } from "../../src/base/ids.ts";
import type { MediaEvent } from "../../src/contract/media.ts";
import { Conference, meeting } from "../sim/conference.ts";
import { VIDEO_PAYLOAD } from "../sim/session-parameters.ts";
import type { SimPeer } from "../sim/sim-peer.ts";

const SECOND_US = 1_000_000;
const [ROOM, ATTIC] = ["room", "attic"] as RoomId[];

/** Connects what `viewer` receives of `other`'s video to it, or to nothing. */
function connect({ core, nowUs }: Conference, viewer: SimPeer, other: SimPeer, connected: boolean): void {
  const { subscriptionId } = viewer.view("video", other.name);
  const { videoTrack: trackId } = other.publisher;
  const source = connected ? { trackId, payload: VIDEO_PAYLOAD.simulcast } : null;
  core.command(nowUs, { kind: "down-track.source", subscriptionId, source });
}

function move({ core, nowUs }: Conference, { transportId }: SimPeer, roomId: RoomId): void {
  core.command(nowUs, { kind: "transport.move", transportId, roomId });
}

/** Video tracks that a room has in the thread. */
function tracksIn({ core, nowUs }: Conference, roomId: RoomId): string[] {
  core.command(nowUs, { kind: "stats", requestId: 1, roomId });
  const stats = core.events
    .splice(0)
    .findLast((event): event is Extract<MediaEvent, { kind: "stats" }> => event.kind === "stats")!;
  return stats.upTracks.filter(({ codec }) => codec === "VP8").map(({ trackId }) => trackId);
}

test("who is moved is received in the new room, without a break in its numbers, and not in the old one", () => {
  const conference = new Conference({ people: meeting(3, {}), seed: 4 });
  const [ada, bo, cy] = conference.people as [SimPeer, SimPeer, SimPeer];
  const received = (viewer: SimPeer): number => viewer.view("video", ada.name).viewer.decoder.shown.length;
  conference.run(3 * SECOND_US);

  for (const viewer of [bo, cy]) connect(conference, viewer, ada, false);
  for (const other of [bo, cy]) connect(conference, ada, other, false);
  move(conference, ada, ATTIC!);
  expect(tracksIn(conference, ROOM!)).toEqual([bo.publisher.videoTrack, cy.publisher.videoTrack]);
  expect(tracksIn(conference, ATTIC!)).toEqual([ada.publisher.videoTrack]);
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

  conference.core.command(conference.nowUs, {
    kind: "up-track.mute",
    trackId: ada.publisher.videoTrack,
    muted: true,
  });
  conference.run(SECOND_US);
  const muted = received(bo);
  conference.run(SECOND_US);
  expect(received(bo)).toBe(muted);
});

test("a room ends in the thread with the transport that leaves it last, and can be entered again", () => {
  const conference = new Conference({ people: meeting(2, {}), seed: 5 });
  const [ada, bo] = conference.people as [SimPeer, SimPeer];
  conference.run(SECOND_US);
  for (const person of [ada, bo]) move(conference, person, ATTIC!);
  expect(tracksIn(conference, ROOM!)).toEqual([]);
  for (const person of [ada, bo]) move(conference, person, ROOM!);
  expect(tracksIn(conference, ROOM!)).toEqual([ada.publisher.videoTrack, bo.publisher.videoTrack]);
  expect(tracksIn(conference, ATTIC!)).toEqual([]);
  move(conference, { ...ada, transportId: "TP_gone" } as unknown as SimPeer, ATTIC!);
  for (const { transportId } of [ada, bo]) {
    conference.core.command(conference.nowUs, { kind: "transport.close", transportId });
  }
  expect(conference.core.idle).toBe(true);
  expect(tracksIn(conference, ROOM!)).toEqual([]);
});
