/**
 * Goal: control hears who speaks, how loud, and who has the floor: soon, and not more often than there is news.
 * Method: traces of levels; the reports that come of them.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import {
  dtx,
  inTurn,
  pause,
  repeat,
  type SpeakersEvent,
  steady,
  type Trace,
  talk,
  VoiceRoom,
} from "./voice-room.ts";

/** Runs the traces in steps of 10 ms of a room; each report with its time. */
function reportsOf(traces: Readonly<Record<string, Trace>>): (SpeakersEvent & { readonly atMs: number })[] {
  const room = new VoiceRoom(Object.keys(traces));
  const timed: (SpeakersEvent & { readonly atMs: number })[] = [];
  const length = Math.max(...Object.values(traces).map((trace) => trace.length));
  for (let i = 0; i < length; i++) {
    room.run(Object.fromEntries(Object.entries(traces).map(([name, trace]) => [name, [trace[i] ?? null]])));
    for (const report of room.reports.slice(timed.length)) timed.push({ ...report, atMs: room.ms });
  }
  return timed;
}

const namesOf = ({ speakers }: SpeakersEvent): string => speakers.map(({ trackId }) => trackId).join();

test("who speaks is listed through pauses between words, and off the list soon after the last", () => {
  const reports = reportsOf({ a: inTurn(repeat(4, inTurn(talk(700), pause(360))), pause(2_000)) });
  const changes = reports.filter((report, i) => i === 0 || namesOf(report) !== namesOf(reports[i - 1]!));
  expect(changes.map(namesOf)).toEqual(["a", ""]);
  expect(changes[0]!.atMs).toBeLessThan(500);
  expect(changes[1]!.atMs).toBeGreaterThan(4 * 1_060);
  expect(changes[1]!.atMs).toBeLessThan(4 * 1_060 + 600);
  // Who spoke last still has the floor.
  expect(changes[1]!.dominant).toBe("a");
});

test("who sends no packets any more is off the list as soon", () => {
  const reports = reportsOf({ a: inTurn(talk(1_000), dtx(2_000)) });
  expect(reports.map(namesOf).at(-1)).toBe("");
  expect(reports.at(-1)!.atMs).toBeLessThan(2_000);
});

test("all who speak are listed, the loudest first, with amplitudes in [0, 1]", () => {
  const reports = reportsOf({ a: talk(2_000, 20), b: talk(2_000), c: pause(2_000), d: steady(2_000, 0) });
  expect(namesOf(reports.at(-1)!)).toBe("d,b,a");
  const [d, b, a] = reports.at(-1)!.speakers.map(({ level }) => level);
  expect(d).toBe(1);
  expect(b).toBeGreaterThan(10 ** (-36 / 20));
  expect(b).toBeLessThan(10 ** (-26 / 20));
  expect(b! / a!).toBeGreaterThan(10 ** (16 / 20));
  expect(b! / a!).toBeLessThan(10 ** (24 / 20));
});

test("reports come at most four times a second, and none without news", () => {
  const traces = ["a", "b", "c", "d", "e", "f"].map((name, i): [string, Trace] => [
    name,
    inTurn(pause(120 * i), repeat(5, inTurn(talk(600), pause(900)))),
  ]);
  const reports = reportsOf(Object.fromEntries(traces));
  expect(reports.length).toBeGreaterThan(20);
  const quick = reports.filter((report, i) => i > 0 && report.atMs - reports[i - 1]!.atMs < 240);
  for (const report of quick) {
    expect(report.dominant, `at ${report.atMs}`).not.toBe(reports[reports.indexOf(report) - 1]!.dominant);
  }
  const told = ({ speakers, dominant }: SpeakersEvent): string => JSON.stringify({ speakers, dominant });
  for (let i = 1; i < reports.length; i++) expect(told(reports[i]!)).not.toBe(told(reports[i - 1]!));
  expect(reportsOf({ a: pause(5_000), b: dtx(5_000) })).toEqual([]);
  expect(reportsOf({ a: inTurn(pause(100), steady(4_000, 30)) }).length).toBeLessThan(4);
});

test("what is piped here is ranked and not listed: its own thread does that", () => {
  const room = new VoiceRoom(["a", "far"], ["far"]);
  room.run({ far: talk(1_000), a: pause(1_000) });
  expect(room.reports.map(({ speakers, dominant }) => [speakers, dominant])).toEqual([[[], "far"]]);
});

test("each taking of the floor is counted", () => {
  const room = new VoiceRoom(["a", "b"]);
  for (const name of ["a", "b", "a"]) room.run({ [name]: talk(700) });
  expect(room.counters[SLOT.speakerChanges]).toBe(3);
});
