/**
 * Goal: who holds the floor is who speaks, as people in the room would say it; and nobody gets it by a noise or a claim.
 * Method: traces of levels, 20 ms a packet, and when the floor went to whom; then properties over random traces.
 */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { ParticipantId } from "../../src/base/ids.ts";
import { seededRandom } from "../sim/seeded-random.ts";
import { dtx, inTurn, PACKET_MS, pause, repeat, steady, type Trace, talk, VoiceRoom } from "./voice-room.ts";

interface Case {
  readonly name: string;
  readonly traces: Readonly<Record<string, Trace>>;
  /** Who takes the floor in turn, and the span of milliseconds in which. */
  readonly floor: readonly (readonly [who: string, fromMs: number, toMs: number])[];
}

/** A door, or a hand on the microphone: `ms` of the loudest there is. */
const slam = (ms: number): Trace => steady(ms, 0);
const words = (count: number, gapMs: number): Trace => repeat(count, inTurn(talk(700), pause(gapMs)));
const fromStart = ["a", 0, 500] as const;

const CASES: readonly Case[] = [
  { name: "silence", traces: { a: pause(5_000), b: dtx(5_000) }, floor: [] },
  {
    name: "one begins to speak",
    traces: { a: inTurn(pause(2_000), talk(1_000)), b: pause(3_000) },
    floor: [["a", 2_000, 2_500]],
  },
  {
    name: "the first words of somebody who has sent nothing before",
    traces: { a: talk(500) },
    floor: [fromStart],
  },
  {
    name: "one pauses between words, however long, and stays",
    traces: { a: inTurn(words(5, 400), pause(5_000), talk(1_000)), b: pause(12_000) },
    floor: [fromStart],
  },
  {
    name: "the same with nothing sent in the pauses",
    traces: { a: inTurn(talk(1_000), dtx(4_000), talk(1_000)), b: dtx(6_000) },
    floor: [fromStart],
  },
  {
    name: "one packet of noise, whoever is silent",
    traces: { a: inTurn(talk(1_000), pause(3_000)), b: inTurn(pause(2_000), slam(20), pause(2_000)) },
    floor: [fromStart],
  },
  {
    name: "a slammed door with its echo, where nobody has spoken",
    traces: { a: inTurn(pause(1_000), slam(100), steady(80, 30), pause(1_000)), b: pause(2_200) },
    floor: [],
  },
  {
    name: "a slam in the midst of words",
    traces: { a: words(6, 200), b: inTurn(pause(2_000), slam(180), pause(3_000)) },
    floor: [fromStart],
  },
  {
    name: "typing while the other thinks",
    traces: {
      a: inTurn(talk(2_000), pause(8_000)),
      b: inTurn(pause(2_000), repeat(50, inTurn(steady(20, 25), pause(140)))),
    },
    floor: [fromStart],
  },
  {
    name: "a turn: one ends as the other begins",
    traces: { a: inTurn(talk(3_000), pause(3_000)), b: inTurn(pause(3_000), talk(3_000)) },
    floor: [fromStart, ["b", 3_000, 3_500]],
  },
  {
    name: "a turn without packets in the silences",
    traces: { a: inTurn(talk(3_000), dtx(3_000)), b: inTurn(dtx(3_000), talk(3_000)) },
    floor: [fromStart, ["b", 3_000, 3_500]],
  },
  {
    name: "a turn of somebody who is 25 dB quieter",
    traces: { a: inTurn(talk(3_000), pause(3_000)), b: inTurn(pause(3_000), talk(3_000, 25)) },
    floor: [fromStart, ["b", 3_000, 3_500]],
  },
  {
    name: "one says yes, yes",
    traces: { a: words(8, 240), b: repeat(4, inTurn(pause(1_500), talk(180))) },
    floor: [fromStart],
  },
  {
    name: "two at once: the one who had the floor keeps it",
    traces: { a: words(60, 240), b: inTurn(pause(1_000), talk(400), words(58, 220)) },
    floor: [fromStart],
  },
  {
    name: "two at once from the start: one of them, once",
    traces: { a: words(60, 240), b: inTurn(pause(60), words(60, 200)) },
    floor: [fromStart],
  },
  {
    name: "an interruption that holds, then the first again",
    traces: {
      a: inTurn(talk(3_000), pause(4_000), talk(2_000)),
      b: inTurn(pause(3_000), talk(4_000), pause(2_000)),
    },
    floor: [fromStart, ["b", 3_000, 3_500], ["a", 7_000, 7_500]],
  },
  {
    name: "an interruption that the first talks into",
    traces: {
      a: inTurn(talk(4_000), pause(360), talk(4_000)),
      b: inTurn(pause(3_900), talk(4_460)),
    },
    floor: [fromStart, ["b", 4_000, 4_500]],
  },
  {
    name: "a radio in the background of one loses to a voice",
    traces: { a: repeat(12, inTurn(talk(700, 20), pause(200))), b: inTurn(pause(2_000), words(10, 200)) },
    floor: [fromStart, ["b", 2_000, 5_500]],
  },
  {
    name: "a fan that is switched on is heard for a while, not for ever",
    traces: { a: inTurn(pause(1_000), steady(14_000, 45)), b: inTurn(pause(5_000), words(11, 200)) },
    floor: [
      ["a", 1_000, 1_500],
      ["b", 5_000, 9_000],
    ],
  },
  {
    name: "who claims 0 dBov all the time loses the floor to people, and does not get it back",
    traces: { liar: steady(60_000, 0), a: repeat(20, inTurn(talk(2_000), pause(1_000))) },
    floor: [
      ["liar", 0, 500],
      ["a", 500, 14_500],
    ],
  },
  {
    name: "levels without V count when they stand out clearly",
    traces: {
      a: inTurn(
        pause(1_000),
        talk(1_000).map((octet) => octet! & 0x7f),
      ),
    },
    floor: [["a", 1_000, 1_500]],
  },
  {
    name: "a murmur without V is none, and with V it is speech",
    traces: {
      a: inTurn(steady(2_000, 60, 0), steady(2_000, 48, 0), pause(100), steady(2_000, 60, 0)),
      b: inTurn(steady(6_100, 60, 0), steady(1_000, 48)),
    },
    floor: [["b", 6_100, 6_600]],
  },
];

test.each(CASES)("$name", ({ traces, floor }) => {
  const room = new VoiceRoom(Object.keys(traces));
  room.run(traces);
  expect(room.floor.map(({ who }) => who)).toEqual(floor.map(([who]) => who));
  room.floor.forEach(({ atMs }, i) => {
    const [who, fromMs, toMs] = floor[i]!;
    expect(atMs, `${who} takes the floor`).toBeGreaterThanOrEqual(fromMs);
    expect(atMs, `${who} takes the floor`).toBeLessThanOrEqual(toMs);
  });
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))("two in a dispute do not flap, seed %i", (seed) => {
  const random = seededRandom(seed);
  const below = (limitMs: number): number => PACKET_MS * Math.floor((random() * limitMs) / PACKET_MS);
  const dispute = (): Trace =>
    inTurn(...Array.from({ length: 30 }, () => inTurn(talk(300 + below(1_200)), pause(60 + below(160)))));
  const room = new VoiceRoom(["a", "b"]);
  room.run({ a: dispute(), b: inTurn(pause(below(500)), dispute()) });
  // Thirty words are at least this long.
  expect(room.floor.filter(({ atMs }) => atMs < 20_000)).toHaveLength(1);
});

test.each([10, 20, 40, 60])("packets of %i ms make no difference to who speaks", (packetMs) => {
  const room = new VoiceRoom(["a", "b"]);
  const say = (name: string, ms: number): void => {
    for (let passedMs = 0; passedMs < ms; passedMs += packetMs) {
      for (const one of ["a", "b"]) room.say(one, one === name ? 0x80 | 30 : 72);
      room.pass(packetMs);
    }
  };
  say("a", 600);
  say("nobody", 1_200);
  say("b", 600);
  expect(room.floor.map(({ who }) => who)).toEqual(["a", "b"]);
  expect(room.floor[0]!.atMs).toBeLessThan(500);
  expect(room.floor[1]!.atMs).toBeLessThan(1_800 + 500);
});

describe("who is muted or leaves", () => {
  test("loses the floor at once, and the next who speaks gets it", () => {
    const room = new VoiceRoom(["a", "b"]);
    room.run({ a: talk(1_000), b: pause(1_000) });
    room.mute("a");
    room.pass(10);
    expect(room.floor.map(({ who }) => who)).toEqual(["a", null]);
    expect(room.reports.at(-1)).toMatchObject({ speakers: [], dominant: null });
    room.run({ b: talk(500) });
    expect(room.holder).toBe("b");
    room.leave("b");
    room.pass(10);
    expect(room.reports.at(-1)).toMatchObject({ speakers: [], dominant: null });
  });

  test("hands it on at once to somebody who is speaking", () => {
    const room = new VoiceRoom(["a", "b"]);
    room.run({ a: talk(1_000), b: inTurn(pause(500), talk(500)) });
    expect(room.holder).toBe("a");
    room.leave("a");
    room.pass(10);
    expect(room.holder).toBe("b");
  });
});

test("ranks: who has the floor, then the others by how recently they had it", () => {
  const room = new VoiceRoom(["a", "b", "c", "d"]);
  const ranks = (): number[] =>
    ["a", "b", "c", "d"].map((name) => room.voices.dominant.rank(`PA_${name}` as ParticipantId));
  const never = Number.POSITIVE_INFINITY;
  expect(ranks()).toEqual([never, never, never, never]);
  for (const name of ["a", "b", "c", "a"]) room.run({ [name]: talk(600) });
  expect(ranks()).toEqual([0, 2, 1, never]);
  room.mute("a");
  expect(ranks()).toEqual([1, 3, 2, never]);
  room.run({ b: talk(600) });
  expect(ranks()).toEqual([1, 0, 2, never]);
  room.voices.dominant.forget("PA_a" as ParticipantId);
  expect(ranks()).toEqual([never, 0, 1, never]);
});

/** Whatever people and machines do in ten seconds. */
const sound = fc.oneof(
  fc.nat(40).map((slots) => talk(slots * PACKET_MS)),
  fc.nat(40).map((slots) => pause(slots * PACKET_MS)),
  fc.nat(40).map((slots) => dtx(slots * PACKET_MS)),
  fc.tuple(fc.nat(20), fc.nat(127)).map(([slots, level]) => steady(slots * PACKET_MS, level)),
  fc.array(fc.option(fc.nat(255)), { maxLength: 20 }),
);
const trace = fc.array(sound, { maxLength: 25 }).map((sounds) => inTurn(...sounds));
const people = fc.array(trace, { minLength: 1, maxLength: 5 });

test("the order in which people came changes nothing, be they alike or not", () => {
  for (const names of ["abc", "cab", "bca"]) {
    const room = new VoiceRoom([...names]);
    room.voices.loudest.setLimit(1);
    room.run(Object.fromEntries([...names].map((name) => [name, talk(1_000)])));
    expect(room.floor.map(({ who }) => who)).toEqual(["a"]);
  }
  fc.assert(
    fc.property(people, fc.infiniteStream(fc.nat()), (traces, order) => {
      const named = traces.map((one, i) => [`p${i}`, one] as const);
      const shuffled = named
        .map((entry) => [order.next().value as number, entry] as const)
        .sort(([a], [b]) => a - b)
        .map(([, entry]) => entry);
      const [one, other] = [named, shuffled].map((entries) => {
        const room = new VoiceRoom(entries.map(([name]) => name));
        room.voices.loudest.setLimit(2);
        room.run(Object.fromEntries(entries));
        return room;
      });
      expect(other!.reports).toEqual(one!.reports);
      expect(other!.floor).toEqual(one!.floor);
    }),
    { numRuns: 60 },
  );
});

test("the floor goes to nobody who has not just spoken, and is never left without a reason", () => {
  fc.assert(
    fc.property(people, (traces) => {
      const named = Object.fromEntries(traces.map((one, i) => [`p${i}`, one]));
      const room = new VoiceRoom(Object.keys(named));
      room.run({ ...named, p0: inTurn(named.p0!, dtx(400)) });
      for (const { atMs, who } of room.floor) {
        expect(who).not.toBeNull();
        const end = Math.ceil(atMs / PACKET_MS);
        // The window, and a gap that was filled at its beginning. What counts is above any background by the least distance.
        const sounds = named[who!]!.slice(Math.max(end - 21, 0), end).map(
          (octet) => octet !== null && (octet & 0x7f) <= 55,
        );
        expect(sounds.filter(Boolean).length).toBeGreaterThanOrEqual(3);
        expect(sounds.lastIndexOf(true) - sounds.indexOf(true)).toBeGreaterThanOrEqual(9);
      }
    }),
    { numRuns: 100 },
  );
});

test("a rank is looked up and not searched for: each receiver asks for each video", () => {
  const room = new VoiceRoom(["a", "b"]);
  room.run({ a: inTurn(talk(1_000), pause(2_000)), b: inTurn(pause(2_000), talk(1_000)) });
  const search = vi.spyOn(Array.prototype, "indexOf");
  const ranks = (["PA_a", "PA_b"] as ParticipantId[]).map((id) => room.voices.dominant.rank(id));
  const searches = search.mock.calls.length;
  search.mockRestore();
  expect([ranks, searches]).toEqual([[1, 0], 0]);
});
