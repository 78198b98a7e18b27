/**
 * Goal: a path that was gone for a moment shows a picture again soon after its return, be it narrow or long, and is not kept
 * busy with pictures that nobody waits for any more.
 * Method: simulated calls in which nothing passes to or from a viewer for a while.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { at, blackout, line, MBPS, play, roams } from "../sim/scenario.ts";

const MS = 1_000;
const RETURN_S = 15;
/** A key frame has to be asked for, made and sent. */
const SOON_S = 0.7;
/** What was lost after the return, and by chance. */
const FEW_REPAIRS = 40;

/** Over in `seconds`; `repairs`: sent again in the two seconds after. */
function outage(
  seed: number,
  seconds: number,
  mbps: number,
  delayMs: number,
  newMbps?: number,
): { frozenS: number; repairs: number } {
  const repairs: number[] = [];
  const count = at(RETURN_S, ({ core }) => void repairs.push(core.counters[SLOT.downRtxPackets]!));
  const people = [
    { name: "ada", sends: "simulcast" as const, watches: [] },
    {
      name: "bo",
      sends: "audio" as const,
      watches: ["ada"],
      down: { ...line(mbps * MBPS), delayUs: delayMs * MS },
      up: { delayUs: delayMs * MS },
    },
  ];
  const events = [
    at(RETURN_S - seconds, blackout("bo", seconds)),
    count,
    { ...count, second: RETURN_S + 2 },
    ...(newMbps === undefined ? [] : [at(RETURN_S, roams("bo", line(newMbps * MBPS)))]),
  ];
  const { freezes } = play({ seed, seconds: 22, people, events }).view("bo", "ada");
  return { frozenS: freezes.totalS, repairs: repairs[1]! - repairs[0]! };
}

describe.each([1, 2, 3])("seed %i", (seed) => {
  test.each([
    { name: "a second on a narrow line", seconds: 1, mbps: 1, delayMs: 25 },
    { name: "two seconds on a narrow line", seconds: 2, mbps: 1, delayMs: 25 },
    { name: "a second on a long way", seconds: 1, mbps: 3, delayMs: 150 },
    { name: "less than is noticed on a long way", seconds: 0.8, mbps: 3, delayMs: 150 },
    { name: "three seconds, and then a narrow line", seconds: 3, mbps: 6, delayMs: 25, newMbps: 1 },
    { name: "a second, and then a narrow line", seconds: 1, mbps: 6, delayMs: 25, newMbps: 1 },
  ])("$name", ({ seconds, mbps, delayMs, newMbps }) => {
    const { frozenS, repairs } = outage(seed, seconds, mbps, delayMs, newMbps);
    expect(frozenS).toBeLessThan(seconds + SOON_S);
    expect(repairs).toBeLessThan(FEW_REPAIRS);
  });
});
