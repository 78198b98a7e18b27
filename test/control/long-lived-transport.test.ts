/**
 * Goal: a transport whose peer negotiates again and again, or answers late, tells its media thread exactly what has
 * become true. Method: real control over a thread that records.
 */
import { describe, expect, test } from "vitest";
import type { TrackId } from "../../src/base/ids.ts";
import { claims, conference, connect, enter, grants, must, REMOTE, section, VP8 } from "./conference.ts";

const VIDEO = { kind: "video", mid: "0", payloads: [VP8] } as const;
const MID = "urn:ietf:params:rtp-hdrext:sdes:mid";

describe("a peer that answers late", () => {
  test("the media thread hears of the transport when the peer is known, then of what waited", () => {
    const { rooms, thread } = conference();
    const track = must(connect(rooms, "ada").publish(section("video")));
    thread.codec(track.id, VP8);
    const before = thread.commands.length;
    const late = must(enter(rooms, "bo").openTransport(grants(), null));
    const slot = must(late.addSlot({ ...VIDEO, payloads: [], reserved: track }));
    expect(thread.commands).toHaveLength(before);
    // Nothing is carried before the peer has said what it takes.
    late.connect(REMOTE);
    slot.negotiated([VP8]);
    late.deal(rooms.get("hall")!.tracks());
    expect(thread.commands.slice(before).map(({ kind }) => kind)).toEqual([
      "transport.open",
      "down-track.add",
      "down-track.source",
    ]);
    late.connect(REMOTE);
    expect(thread.sent("transport.open")).toHaveLength(2);
  });

  test("is told how its sections are wanted once, however often that changed before", () => {
    const { rooms, thread } = conference();
    const late = must(enter(rooms, "bo").openTransport(grants(), null));
    const slot = (mid: string) => must(late.addSlot({ kind: "video", mid, payloads: [] }));
    const slots = [slot("0"), slot("1")];
    for (let n = 0; n < 1_000; n++) {
      for (const one of slots) one.prefer({ preferred: { spatial: n % 3, temporal: 0 } });
    }
    late.connect(REMOTE);
    expect(thread.sent("down-track.prefer")).toMatchObject(
      slots.map(({ section: { subscriptionId } }) => ({
        subscriptionId,
        preference: { preferred: { spatial: 0, temporal: 0 } },
      })),
    );
  });

  test("one that never answers leaves no trace in the media thread", () => {
    const { rooms, thread } = conference();
    const late = must(enter(rooms, "bo").openTransport(grants(), null));
    must(late.addSlot(VIDEO));
    late.close();
    late.connect(REMOTE);
    expect(thread.commands.map(({ kind }) => kind)).toEqual(["room.close"]);
  });
});

test("a peer that says once more what it takes goes on with what it gets; one that takes it otherwise begins anew", () => {
  const { rooms, thread } = conference();
  const track = must(connect(rooms, "ada").publish(section("video")));
  thread.codec(track.id, VP8);
  const viewer = connect(rooms, "bo");
  const slot = must(viewer.addSlot({ ...VIDEO, reserved: track }));
  const answer = (payloadType: number): void => {
    slot.negotiated([{ ...VP8, payloadType }]);
    viewer.deal(rooms.get("hall")!.tracks());
  };
  for (const payloadType of [VP8.payloadType, VP8.payloadType, 120]) answer(payloadType);
  expect(thread.sent("down-track.source").map(({ source }) => source?.payload.payloadType)).toEqual([
    VP8.payloadType,
    120,
  ]);
});

describe("reserved sections", () => {
  test("carry their own track and no other, as soon as it has media", () => {
    const { rooms, thread } = conference();
    const [one, two] = ["ada", "cy"].map((identity) =>
      must(connect(rooms, identity).publish(section("video"))),
    );
    const viewer = connect(rooms, "bo");
    const slot = must(viewer.addSlot({ ...VIDEO, reserved: two! }));
    thread.codec(one!.id, VP8);
    expect(slot.track).toBeNull();
    thread.codec(two!.id, VP8);
    expect(slot.track).toBe(two);
  });

  test("fall silent when their track ends, and can be removed", () => {
    const { rooms, thread } = conference();
    const publisher = connect(rooms, "ada");
    const track = must(publisher.publish(section("video")));
    thread.codec(track.id, VP8);
    const viewer = connect(rooms, "bo");
    const slot = must(viewer.addSlot({ ...VIDEO, reserved: track }));
    expect(slot.track).toBe(track);
    expect(slot.section.cname).toBe(publisher.participant.id);
    publisher.unpublish(track);
    expect(slot.track).toBeNull();
    viewer.removeSlot(slot);
    viewer.removeSlot(slot);
    expect(thread.sent("down-track.remove")).toHaveLength(1);
    expect(viewer.subscriptions).toEqual([]);
  });
});

describe("an audience", () => {
  test("decides who is served, by track and by identity, from now on", () => {
    const { rooms, thread } = conference();
    const publisher = connect(rooms, "ada");
    const [camera, screen] = ["camera", "screen"].map((mid) =>
      must(publisher.publish(section("video", { mid }))),
    );
    for (const { id } of [camera!, screen!]) thread.codec(id, VP8);
    const viewer = connect(rooms, "bo");
    for (const mid of ["0", "1"]) must(viewer.addSlot({ ...VIDEO, mid }));
    must(viewer.watch({}));
    const watched = (): (string | undefined)[] => viewer.subscriptions.map(({ track }) => track?.section.mid);
    expect(watched()).toEqual(["camera", "screen"]);
    publisher.participant.setAudience(new Map([["bo", new Set([screen!.id])]]));
    expect(watched()).toEqual([undefined, "screen"]);
    publisher.participant.setAudience(new Map([["cy", "all"]]));
    expect(watched()).toEqual([undefined, undefined]);
    publisher.participant.setAudience("everybody");
    expect(watched()).toEqual(["camera", "screen"]);
  });
});

test("header extensions may be added, never renamed", () => {
  const { rooms, thread } = conference();
  const transport = connect(rooms, "ada");
  expect(transport.addExtensions({ [MID]: 4 })).toBe(true);
  expect(thread.sent("transport.extensions")).toEqual([]);
  expect(transport.addExtensions({ [MID]: 4, other: 5 })).toBe(true);
  expect(thread.sent("transport.extensions")).toMatchObject([{ extensions: { [MID]: 4, other: 5 } }]);
  expect(transport.addExtensions({ [MID]: 6 })).toBe(false);
  expect(transport.addExtensions({ third: 5 })).toBe(false);
  expect(transport.extensions).toEqual({ [MID]: 4, other: 5 });
});

test("a track may be published under an id that was promised", () => {
  const { rooms } = conference();
  const id = "TR_promised" as TrackId;
  expect(must(connect(rooms, "ada").publish(section("audio"), id)).id).toBe(id);
});

test("who is held stays without a transport", () => {
  const { rooms, clock } = conference();
  const participant = must(rooms.join("hall", claims("ada")));
  participant.hold();
  must(participant.openTransport(grants(), REMOTE)).close();
  clock.pass(60_000);
  expect(rooms.get("hall")!.participants).toEqual([participant]);
});
