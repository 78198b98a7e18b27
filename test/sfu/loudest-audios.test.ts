/**
 * Goal: of many voices N are forwarded, and the right ones: whoever begins to speak from the first loud packet, nobody cut
 * off in a word to make room for a noise, and nobody held back of whom it is not known whether there is something to hear.
 * Method: traces of levels, and which of their packets were forwarded.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { dtx, inTurn, PACKET_MS, pause, repeat, steady, type Trace, talk, VoiceRoom } from "./voice-room.ts";

/** By name, for each 20 ms: whether a packet went out; null where none came in. */
type Outcome = Record<string, (boolean | null)[]>;

function limited(limit: number, names: readonly string[]): VoiceRoom {
  const room = new VoiceRoom(names);
  room.voices.loudest.setLimit(limit);
  return room;
}

function run(room: VoiceRoom, traces: Readonly<Record<string, Trace>>): Outcome {
  const outcome: Outcome = Object.fromEntries(Object.keys(traces).map((name) => [name, []]));
  const length = Math.max(...Object.values(traces).map((trace) => trace.length));
  for (let i = 0; i < length; i++) {
    for (const [name, trace] of Object.entries(traces)) {
      const octet = trace[i] ?? null;
      outcome[name]!.push(octet === null ? null : room.say(name, octet));
    }
    room.pass(PACKET_MS);
  }
  return outcome;
}

const forwarded = (packets: readonly (boolean | null)[]): number =>
  packets.filter((one) => one === true).length;

test("without a limit everything is forwarded", () => {
  const room = new VoiceRoom(["a", "b", "c"]);
  const { a, b, c } = run(room, { a: talk(1_000), b: pause(1_000), c: steady(1_000, 0) });
  expect([a, b, c].map((packets) => forwarded(packets!))).toEqual([50, 50, 50]);
  expect(room.heldBack).toBe(0);
});

test("in silence the first N are forwarded", () => {
  const room = limited(2, ["a", "b", "c"]);
  const { a, b, c } = run(room, { a: pause(400), b: pause(400), c: pause(400) });
  expect([a, b, c].map((packets) => forwarded(packets!))).toEqual([20, 20, 0]);
});

test("who begins to speak is forwarded from the first loud packet, for the one who has been silent for longest", () => {
  const room = limited(2, ["a", "b", "c"]);
  run(room, {
    a: inTurn(talk(600), pause(2_000)),
    b: inTurn(pause(1_000), talk(600), pause(1_000)),
    c: pause(2_600),
  });
  const { a, b, c } = run(room, { a: pause(600), b: pause(600), c: talk(600) });
  expect(c).toEqual(c!.map(() => true));
  expect([forwarded(a!), forwarded(b!)]).toEqual([1, 30]);
});

test("nobody loses the place between words, nor to who breathes or clicks while they speak", () => {
  const room = limited(2, ["a", "b", "c", "d"]);
  const words = repeat(20, inTurn(talk(500), pause(180)));
  run(room, { a: words, b: inTurn(pause(60), words), c: pause(2_000), d: pause(2_000) });
  const { a, b } = run(room, {
    a: words,
    b: words,
    c: repeat(40, inTurn(pause(300), steady(40, 10))),
    d: steady(10_000, 60),
  });
  expect([forwarded(a!), forwarded(b!)]).toEqual([a!.length, b!.length]);
});

test("who speaks is let in although noise fills all the places", () => {
  const room = limited(2, ["radio", "television", "a"]);
  const { a } = run(room, {
    radio: repeat(10, talk(1_000, 22)),
    television: inTurn(pause(100), repeat(10, talk(1_000, 20))),
    a: inTurn(pause(5_000), talk(3_000)),
  });
  expect(a!.slice(270, 400).every((one) => one === true)).toBe(true);
});

test("who holds the floor is forwarded", () => {
  const room = limited(1, ["a", "b", "c"]);
  const turn = (before: number): Trace => inTurn(pause(before), talk(2_000), pause(6_000 - before));
  const outcome = run(room, { a: turn(0), b: turn(2_000), c: turn(4_000) });
  for (const [i, name] of ["a", "b", "c"].entries()) {
    const heard = outcome[name]!.slice(i * 100, i * 100 + 100);
    // With a single place the one before must have paused.
    expect(forwarded(heard), name).toBeGreaterThanOrEqual(100 - (i === 0 ? 0 : 16));
  }
});

test("who says no level is never held back, and takes no place", () => {
  const room = limited(1, ["mute", "a", "b"]);
  for (let i = 0; i < 50; i++) {
    expect(room.say("mute", undefined)).toBe(true);
    expect(room.say("a", 0x80 | 30)).toBe(true);
    expect(room.say("b", 70)).toBe(false);
    room.pass(PACKET_MS);
  }
});

test("the place of who is muted or leaves is free at once, and a greater limit lets more in", () => {
  const room = limited(1, ["a", "b", "c"]);
  const quiet = (): boolean[] => ["a", "b", "c"].map((name) => room.tracks.has(name) && room.say(name, 70));
  expect(quiet()).toEqual([true, false, false]);
  room.mute("a");
  expect([room.say("b", 70), room.say("c", 70)]).toEqual([true, false]);
  room.leave("b");
  expect([room.say("c", 70), room.say("a", 70)]).toEqual([true, false]);
  room.enter("b");
  room.voices.loudest.setLimit(2);
  expect(quiet()).toEqual([true, false, true]);
  room.voices.loudest.setLimit(Number.POSITIVE_INFINITY);
  expect(quiet()).toEqual([true, true, true]);
});

test("who talks on into the silence of a mute is let in by the next packet", () => {
  const room = limited(1, ["a", "b"]);
  run(room, { a: talk(1_000), b: inTurn(pause(500), talk(500)) });
  room.mute("a");
  room.pass(PACKET_MS);
  expect(room.say("b", 70)).toBe(true);
});

test("a smaller limit keeps the strongest", () => {
  const room = new VoiceRoom(["a", "b", "c"]);
  run(room, { a: talk(400), b: inTurn(pause(400), talk(800)), c: pause(1_200) });
  room.voices.loudest.setLimit(1);
  expect(["a", "b", "c"].map((name) => room.say(name, 70))).toEqual([false, true, false]);
});

test("never more than N, and whoever is held back never was the only one to sound", () => {
  const sound = fc.oneof(
    fc.nat(30).map((slots) => talk(slots * PACKET_MS)),
    fc.nat(30).map((slots) => pause(slots * PACKET_MS)),
    fc.nat(30).map((slots) => dtx(slots * PACKET_MS)),
    fc.array(fc.option(fc.nat(255)), { maxLength: 20 }),
  );
  const trace = fc.array(sound, { maxLength: 15 }).map((sounds) => inTurn(...sounds));
  const people = fc.array(trace, { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(people, fc.integer({ min: 1, max: 3 }), (traces, limit) => {
      const named = Object.fromEntries(traces.map((one, i) => [`p${i}`, one]));
      const names = Object.keys(named);
      const room = limited(limit, names);
      const places = (): string[] =>
        names.filter((name) => room.tracks.get(name)!.voice!.place === "forwarded");
      const length = Math.max(...traces.map((one) => one.length));
      for (let i = 0; i < length; i++) {
        for (const name of names) {
          const octet = named[name]![i] ?? null;
          if (octet === null) continue;
          const wasForwarded = room.say(name, octet);
          expect(places().length).toBeLessThanOrEqual(limit);
          expect(places().includes(name)).toBe(wasForwarded);
          const { activity } = room.tracks.get(name)!.voice!;
          if (wasForwarded || !activity.isLoud) continue;
          // All places are taken by those who sound, or did just now.
          for (const other of places()) {
            expect(room.tracks.get(other)!.voice!.activity.isPausing(room.nowUs)).toBe(false);
          }
        }
        room.pass(PACKET_MS);
      }
    }),
    { numRuns: 100 },
  );
});
