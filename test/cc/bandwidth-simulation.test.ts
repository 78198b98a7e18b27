/**
 * Goal: the estimator finds the capacity of a path and keeps to it, whatever path that is.
 * Method: the scenarios of `npm run sim:bwe`, which has two hundred seeds for each, with a few.
 */
import { expect, test } from "vitest";
import { BandwidthRun, MBIT, SECOND_US } from "../sim/bandwidth-run.ts";
import { SCENARIOS } from "../sim/bandwidth-scenarios.ts";

const SEEDS = [1, 2, 3, 4];

/** Seeds that have once been out of bounds, each with a part of its scenario's name. */
const FAILED: readonly (readonly [string, number])[] = [
  ["0.6, 2 Mbit/s, greedy", 156],
  ["0.6, 2 Mbit/s, layered", 42],
  ["two flows, one 15 s later, 4 Mbit/s, greedy", 186],
];

const RUNS = SCENARIOS.flatMap((scenario) => {
  const failed = FAILED.filter(([part]) => scenario.name.includes(part)).map(([, seed]) => seed);
  return [...SEEDS, ...failed].map((seed) => ({ ...scenario, seed }));
});

test.each(RUNS)("$name, seed $seed", ({ run, seed }) => {
  for (const { what, value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } of run(
    seed,
  )) {
    expect(value, what).toBeGreaterThanOrEqual(atLeast);
    expect(value, what).toBeLessThanOrEqual(atMost);
  }
});

test("the same seed sends the same bytes at the same times, another seed others", () => {
  const digest = (seed: number): number =>
    new BandwidthRun({ source: "layered", seed, loss: 0.02, jitterUs: 10_000 }).until(10 * SECOND_US)
      .flows[0]!.digest;
  expect(digest(1)).toBe(digest(1));
  expect(digest(2)).not.toBe(digest(1));
});

test("a transport that is silent for minutes sends as before when it speaks again", () => {
  const run = new BandwidthRun({
    source: "layered",
    seed: 1,
    pause: { fromUs: 10 * SECOND_US, toUs: 130 * SECOND_US },
  });
  run.until(10 * SECOND_US);
  const before = run.meanBps(9 * SECOND_US, 10 * SECOND_US);
  run.until(140 * SECOND_US);
  expect(run.leastBps(130 * SECOND_US, 140 * SECOND_US)).toBeGreaterThan(0.7 * before);
});

test("what waits leaves hardly faster than a full link carries, and at once where none is known", () => {
  const narrow = new BandwidthRun({ source: "greedy", seed: 1, capacity: [[0, 2 * MBIT]] });
  for (let second = 10; second < 30; second++) {
    const { estimator } = narrow.until(second * SECOND_US).flows[0]!;
    expect(estimator.paceBps(second * SECOND_US)).toBeLessThan(1.3 * Math.max(estimator.targetBps, 2 * MBIT));
  }
  const wide = new BandwidthRun({ source: "layered", seed: 1, capacity: [[0, 100 * MBIT]] });
  const { estimator } = wide.until(20 * SECOND_US).flows[0]!;
  expect(estimator.paceBps(20 * SECOND_US)).toBe(2.5 * estimator.targetBps);
});
