/**
 * Goal: what is published in a room costs each of its receivers no more than one look at each track, and many changes in a row no
 * more than a room may cost, however many transports its participants have.
 * Method: looks are counted, not timed.
 */
import { expect, test, vi } from "vitest";
import { Participant } from "../../src/control/participant.ts";
import { Subscription } from "../../src/control/subscription.ts";
import type { Track } from "../../src/control/track.ts";
import { claims, conference, connect, enter, grants, must, REMOTE, section, VP8 } from "./conference.ts";

/** Counts what is compared when something is looked for in it, or in what is made of it. */
class CountingTracks extends Array<Track> {
  static compared = 0;

  override includes(track: Track): boolean {
    const at = super.indexOf(track);
    CountingTracks.compared += at === -1 ? this.length : at + 1;
    return at !== -1;
  }
}

const SECTIONS = 200;

test("sections that are kept for tracks do not look for them one by one", () => {
  const hall = conference({ maxTracksPerParticipant: SECTIONS });
  const publisher = connect(hall.rooms, "ada");
  const tracks = CountingTracks.from({ length: SECTIONS }, (_, n) =>
    must(publisher.publish(section("video", { mid: `${n}` }))),
  );
  const receiver = connect(hall.rooms, "bo");
  tracks.forEach((reserved, n) => {
    must(receiver.addSlot({ kind: "video", mid: `${n}`, payloads: [VP8], reserved }));
  });
  CountingTracks.compared = 0;
  receiver.deal(tracks);
  expect(CountingTracks.compared).toBeLessThan(10 * SECTIONS);
});

test("tracks are dealt to many sections at once, each with few looks at them", () => {
  const hall = conference({ maxTracksPerParticipant: SECTIONS });
  const publisher = connect(hall.rooms, "ada");
  for (let n = 0; n < SECTIONS; n++) {
    const track = must(publisher.publish(section("video", { mid: `${n}` })));
    hall.thread.codec(track.id, VP8);
  }
  const receiver = connect(hall.rooms, "bo");
  const looks = vi.spyOn(hall.rooms.get("hall")!, "tracks");
  const accepts = vi.spyOn(Subscription.prototype, "accepts");
  must(receiver.watch({}));
  const sections = Array.from({ length: SECTIONS }, (_, n) => ({
    kind: "video" as const,
    mid: `${n}`,
    payloads: [VP8],
  }));
  const added = must(receiver.addSlots(sections));
  expect(added.map(({ track }) => track?.section.mid)).toEqual(sections.map(({ mid }) => mid));
  expect(looks.mock.calls.length).toBeLessThan(5);
  expect(accepts.mock.calls.length).toBeLessThan(5 * SECTIONS);
  vi.restoreAllMocks();
});

test("a section for which nothing is negotiated yet is added without a look at the room's tracks", () => {
  const hall = conference({ maxTracksPerParticipant: SECTIONS });
  const publisher = connect(hall.rooms, "ada");
  const receiver = connect(hall.rooms, "bo");
  const room = hall.rooms.get("hall")!;
  const looks = vi.spyOn(room, "tracks");
  for (let n = 0; n < SECTIONS; n++) {
    const reserved = must(publisher.publish(section("video", { mid: `${n}` })));
    must(receiver.addSlot({ kind: "video", mid: `${n}`, payloads: [], reserved }));
  }
  expect(looks).not.toHaveBeenCalled();
});

test("all viewers with one token count when the room's work is rationed", () => {
  const hall = conference();
  const publisher = connect(hall.rooms, "ada");
  must(publisher.publish(section("video")));
  const viewers = enter(hall.rooms, "all");
  for (let n = 0; n < 250; n++) {
    const viewer = must(viewers.openTransport(grants(), REMOTE));
    must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
    must(viewer.watch({}));
  }
  const looks = vi.spyOn(Participant.prototype, "admits");
  for (let n = 0; n < 1_000; n++) publisher.participant.setAudience("everybody");
  expect(looks.mock.calls.length).toBeLessThan(101_000);
  looks.mockRestore();
});

test("a transport that only sends looks at nobody's tracks", () => {
  const hall = conference();
  const publisher = connect(hall.rooms, "ada");
  connect(hall.rooms, "bo");
  const looks = vi.spyOn(Participant.prototype, "admits");
  must(publisher.publish(section("video")));
  publisher.participant.setAudience("everybody");
  expect(looks).not.toHaveBeenCalled();
  looks.mockRestore();
});

/** A room with a video that 250 transports receive, and so much to do that dealing tracks has to wait. */
function busyHall() {
  const hall = conference();
  const publisher = connect(hall.rooms, "ada");
  const track = must(publisher.publish(section("video")));
  hall.thread.codec(track.id, VP8);
  const viewers = enter(hall.rooms, "all");
  for (let n = 0; n < 250; n++) {
    const viewer = must(viewers.openTransport(grants(), REMOTE));
    must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8], reserved: track }));
  }
  for (let n = 0; n < 1_000; n++) publisher.participant.setAudience("everybody");
  const isCarried = (): boolean =>
    viewers.subscriptions.every((subscription) => subscription.track === track);
  const isFree = (): boolean => viewers.subscriptions.every((subscription) => subscription.track === null);
  return { ...hall, publisher, track, viewers, isCarried, isFree };
}

test("who is not to receive a track any more gets nothing of it at once, however much the room has to do", () => {
  const { clock, thread, publisher, viewers, isCarried, isFree } = busyHall();
  const before = thread.commands.length;
  publisher.participant.setAudience(new Map());
  expect(thread.commands.slice(before)).toEqual(
    viewers.subscriptions.map(({ section: { subscriptionId } }) => ({
      kind: "down-track.source",
      subscriptionId,
      source: null,
    })),
  );
  // To give it back may wait.
  publisher.participant.setAudience("everybody");
  expect(isFree()).toBe(true);
  clock.pass(1_000);
  expect(isCarried()).toBe(true);
});

test("a section names a track that has ended no more, however much the room has to do", () => {
  const { publisher, track, isCarried, isFree } = busyHall();
  expect(isCarried()).toBe(true);
  publisher.unpublish(track);
  expect(isFree()).toBe(true);
});

test("what is withheld is so where its publisher is forwarded to as well", () => {
  const { rooms, publisher } = busyHall();
  const viewer = must(
    must(rooms.join("attic", claims("bo", { room: "attic" }))).openTransport(grants(), REMOTE),
  );
  must(rooms.forward(publisher.participant, "attic"));
  const [forwarded] = rooms.get("attic")!.tracks();
  const seen = must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8], reserved: forwarded! }));
  expect(seen.track).toBe(forwarded);
  for (let n = 0; n < 200_000; n++) rooms.get("attic")!.onTracksChanged();
  publisher.participant.setAudience(new Map());
  expect(seen.track).toBeNull();
});
