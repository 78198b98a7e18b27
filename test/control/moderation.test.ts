/** Goal: what the server API changes about a participant holds at once, and for as long as the participant is here. */
import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import type { Permission } from "../../src/control/access-token.ts";
import type { ProfileChange } from "../../src/control/profile.ts";
import type { Transport } from "../../src/control/transport.ts";
import {
  type Conference,
  claims,
  conference,
  connect,
  enter,
  must,
  OPUS,
  section,
  VP8,
} from "./conference.ts";

const EVERYTHING: Permission = {
  canPublish: true,
  canSubscribe: true,
  canPublishData: true,
  canPublishSources: [],
  canUpdateOwnMetadata: false,
  hidden: false,
};

let hall: Conference;
beforeEach(() => {
  hall = conference({ maxTracksPerParticipant: 9 });
});

/** Somebody who receives all the others. */
function watcher(identity: string): Transport {
  const transport = connect(hall.rooms, identity);
  must(transport.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
  must(transport.addSlot({ kind: "audio", mid: "1", payloads: [OPUS] }));
  must(transport.watch({}));
  return transport;
}

function speaker(identity: string): Transport {
  const transport = connect(hall.rooms, identity);
  hall.thread.codec(must(transport.publish(section("video"))).id, VP8);
  hall.thread.codec(must(transport.publish(section("audio"))).id, OPUS);
  return transport;
}

const carried = ({ subscriptions }: Transport) => subscriptions.map(({ track }) => track?.publisher.identity);

describe("permission", () => {
  test("to publish, taken away, ends tracks at once, on all transports and for new ones", () => {
    const [one, two, viewer] = [speaker("ada"), connect(hall.rooms, "ada"), watcher("bo")];
    must(two.publish(section("video", { source: "screen_share" })));
    expect(carried(viewer)).toEqual(["ada", "ada"]);
    must(one.participant.update({ permission: { ...EVERYTHING, canPublish: false } }));
    expect(one.participant.tracks).toEqual([]);
    expect(carried(viewer)).toEqual([undefined, undefined]);
    expect(hall.thread.sent("up-track.remove")).toHaveLength(3);
    expect(one.state.kind).toBe("open");
    for (const transport of [one, two, connect(hall.rooms, "ada")]) {
      expect(transport.publish(section("audio"))).toEqual({ ok: false, error: "forbidden" });
    }
    must(one.participant.update({ permission: EVERYTHING }));
    must(one.publish(section("audio")));
  });

  test("for some sources ends the tracks of the others", () => {
    const ada = speaker("ada");
    must(ada.participant.update({ permission: { ...EVERYTHING, canPublishSources: ["microphone"] } }));
    expect(ada.participant.tracks.map(({ section: { source } }) => source)).toEqual(["microphone"]);
  });

  test("to subscribe, taken away, silences at once, and given back, lets everything in again", () => {
    const viewer = watcher("bo");
    speaker("ada");
    expect(carried(viewer)).toEqual(["ada", "ada"]);
    must(viewer.participant.update({ permission: { ...EVERYTHING, canSubscribe: false } }));
    expect(carried(viewer)).toEqual([undefined, undefined]);
    speaker("cy");
    expect(carried(viewer)).toEqual([undefined, undefined]);
    expect(viewer.watch({})).toEqual({ ok: false, error: "forbidden" });
    must(viewer.participant.update({ permission: EVERYTHING }));
    expect(carried(viewer)).toEqual(["ada", "ada"]);
  });

  test("that was decided outranks tokens until the participant has left", () => {
    const ada = connect(hall.rooms, "ada");
    must(ada.participant.update({ permission: { ...EVERYTHING, canPublish: false } }));
    expect(enter(hall.rooms, "ada").profile.permission.canPublish).toBe(false);
    ada.participant.leave("participant_removed");
    expect(enter(hall.rooms, "ada").profile.permission.canPublish).toBe(true);
  });

  test("can exceed what tokens grant", () => {
    const ada = connect(hall.rooms, "ada", { canPublish: false });
    must(ada.participant.update({ permission: EVERYTHING }));
    must(ada.publish(section("audio")));
  });
});

/** So many attributes with a letter each. */
const keys = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, "x"]));

describe("a profile", () => {
  test("changes in part, key by key where attributes are concerned", () => {
    const ada = must(
      hall.rooms.join("hall", { ...claims("ada"), name: "Ada", attributes: { a: "1", b: "2" } }),
    );
    must(ada.update({ metadata: "m" }));
    must(ada.update({ attributes: { b: "", c: "3" } }));
    expect(ada.profile).toMatchObject({ name: "Ada", metadata: "m", attributes: { a: "1", c: "3" } });
    must(ada.update({ name: "" }));
    expect(ada.profile.name).toBe("");
  });

  test.each<[ProfileChange, string]>([
    [{ name: "x".repeat(257) }, "name_too_long"],
    [{ metadata: "ä".repeat(32_001) }, "metadata_too_large"],
    [{ attributes: { key: "x".repeat(63_998) } }, "attributes_too_large"],
    [{ attributes: keys(257) }, "attributes_too_large"],
  ])("is not changed at all when one part is too large (%#)", (change, error) => {
    const ada = enter(hall.rooms, "ada");
    const { version, profile } = ada;
    expect(ada.update({ metadata: "new", ...change })).toEqual({ ok: false, error });
    expect([ada.version, ada.profile]).toEqual([version, profile]);
  });

  test("may be as large as the limits say", () => {
    const ada = enter(hall.rooms, "ada");
    must(ada.update({ name: "x".repeat(256), metadata: "ä".repeat(32_000) }));
    must(ada.update({ attributes: { key: "x".repeat(63_997) } }));
    expect(ada.update({ attributes: { k: "x" } })).toEqual({ ok: false, error: "attributes_too_large" });
    must(ada.update({ attributes: { ...keys(256), key: "" } }));
    must(ada.update({ attributes: { k0: "", k: "x" } }));
  });
});

test("the server ends its own mute of a track, and none of the publisher's", () => {
  const track = must(connect(hall.rooms, "ada").publish(section("audio")));
  const refused = { ok: false, error: "muted_by_publisher" };
  for (const [by, muted, outcome] of [
    ["server", true, { ok: true, value: null }],
    ["server", false, { ok: true, value: null }],
    ["server", true, { ok: true, value: null }],
    ["publisher", false],
    ["publisher", true],
    ["server", false, refused],
    // Nor does it become the server's when the server mutes the track as well.
    ["server", true, { ok: true, value: null }],
    ["server", false, refused],
  ] as const) {
    if (by === "publisher") track.setMuted(muted);
    else expect(track.setMutedByServer(muted)).toEqual(outcome);
    expect(track.muted).toBe(muted || outcome === refused);
  }
});

test("the version grows with all that is told of a participant, and with nothing else", () => {
  const transport = connect(hall.rooms, "ada");
  const ada = transport.participant;
  let { version } = ada;
  const grown = (): number => {
    const before = version;
    version = ada.version;
    return version - before;
  };
  expect(version).toBe(1);
  ada.activate();
  expect(grown()).toBe(1);
  const track = must(transport.publish(section("audio")));
  expect(grown()).toBe(1);
  hall.thread.codec(track.id, OPUS);
  track.setMuted(true);
  track.setMuted(true);
  expect(grown()).toBe(2);
  must(ada.update({ name: "Ada" }));
  must(ada.update({ name: "Ada" }));
  expect(grown()).toBe(1);
  speaker("bo");
  expect(grown()).toBe(0);
  transport.unpublish(track);
  ada.leave("client_left");
  expect(grown()).toBe(2);
});

describe("told which tracks to receive", () => {
  test("a participant loses and gets them, now and after its next connection", () => {
    const [viewer, other] = [watcher("bo"), watcher("cy")];
    const [video] = [...speaker("ada").tracks];
    viewer.participant.setReceives([video!], false);
    expect([carried(viewer), carried(other)]).toEqual([
      [undefined, "ada"],
      ["ada", "ada"],
    ]);
    expect(carried(watcher("bo"))).toEqual([undefined, "ada"]);
    viewer.participant.setReceives([video!], true);
    expect(carried(viewer)).toEqual(["ada", "ada"]);
  });

  test("it still receives nothing that its session does not watch", () => {
    const viewer = connect(hall.rooms, "bo");
    must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
    must(viewer.watch({ identity: "cy" }));
    viewer.participant.setReceives([...speaker("ada").tracks], true);
    expect(carried(viewer)).toEqual([undefined]);
  });
});

describe("a room's metadata", () => {
  test("is set at its start and changed later, up to a limit", () => {
    const room = must(hall.rooms.create("hall", { metadata: "one" }));
    must(room.setOptions({ metadata: "two" }));
    expect(room.options).toMatchObject({ metadata: "two", maxParticipants: 10 });
    const tooLarge = { metadata: "x".repeat(64_001) };
    expect(room.setOptions(tooLarge)).toEqual({ ok: false, error: "metadata_too_large" });
    expect(room.options.metadata).toBe("two");
    expect(hall.rooms.create("attic", tooLarge)).toEqual({ ok: false, error: "metadata_too_large" });
  });

  test("is not in the log, nor is what participants tell of themselves", () => {
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line) => lines.push(line) });
    const { rooms } = conference({}, 64, log);
    const room = must(rooms.create("hall", { metadata: "öffentlich-1" }));
    must(room.setOptions({ metadata: "geheim-2", maxParticipants: 3 }));
    const profile = { name: "geheim-3", metadata: "geheim-4", attributes: { a: "geheim-5" } };
    const ada = must(rooms.join("hall", { ...claims("ada"), ...profile }));
    must(ada.update({ name: "geheim-6", metadata: "geheim-7", attributes: { a: "geheim-8" } }));
    room.delete();
    expect(lines.filter((line) => /geheim|öffentlich/.test(line))).toEqual([]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "room created", options: { metadataBytes: 13, maxParticipants: 10 } },
      { msg: "room changed", options: { metadataBytes: 8, maxParticipants: 3 } },
      { msg: "participant joined", identity: "ada" },
      { msg: "participant left" },
      { msg: "room deleted" },
    ]);
  });
});

test("a room's sid tells it from one of the same name before", () => {
  const first = must(hall.rooms.create("hall"));
  first.delete();
  const second = must(hall.rooms.create("hall"));
  expect(first.sid).toMatch(/^RM_[\w-]{16}$/);
  expect(second.sid).not.toBe(first.sid);
});
