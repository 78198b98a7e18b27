/**
 * Goal: probes come when there is something new to ask, and ever more seldom where the answer was no.
 * Method: the planner alone, asked each 10 ms; what a probe would find is said by the test.
 */
import { expect, test } from "vitest";
import { ProbePlanner } from "../../src/cc/probe-planner.ts";

const TICK_US = 10_000;
const SECOND_US = 1_000_000;
const NEVER = { decreasedUs: Number.NEGATIVE_INFINITY, doubtedUs: Number.NEGATIVE_INFINITY };

/** Asks for so long; a probe is answered at once by `answer`, and a higher answer raises the target. Returns the probes. */
function plan(
  planner: ProbePlanner,
  us: number,
  {
    target,
    wanted,
    answer,
  }: { target: number; wanted: (us: number) => number; answer: (bps: number) => number },
): { readonly atUs: number; readonly bps: number; readonly targetBps: number }[] {
  const probes: { atUs: number; bps: number; targetBps: number }[] = [];
  let targetBps = target;
  for (let nowUs = 0; nowUs < us; nowUs += TICK_US) {
    const mostBps = wanted(nowUs);
    planner.wants(mostBps > targetBps ? mostBps : 0);
    const bps = planner.next(targetBps, true, NEVER, nowUs);
    if (bps === 0) continue;
    const result = answer(bps);
    planner.onResult(result, targetBps, nowUs);
    targetBps = Math.max(targetBps, result);
    probes.push({ atUs: nowUs, bps, targetBps });
  }
  return probes;
}

test("a want that grows little by little, as the measured rate of a stream does, is a new question too", () => {
  const growing = (us: number): number => 1_050_000 + Math.max(0, us - 7 * SECOND_US);
  const probes = plan(new ProbePlanner(), 10 * SECOND_US, {
    target: 1_000_000,
    wanted: (us) => Math.min(growing(us), 2_300_000),
    answer: (bps) => (bps < 1_300_000 ? 600_000 : 0.95 * bps),
  });
  expect(probes.slice(0, 3).map(({ atUs }) => Math.floor(atUs / SECOND_US))).toEqual([0, 6, 7]);
  expect(probes.at(-1)!.targetBps).toBeGreaterThan(2_000_000);
});

test("a probe that got through is no reason to wait longer, though it found no more", () => {
  const wanted = (): number => 1_050_000;
  const answer = (bps: number): number => 0.85 * bps;
  const probes = plan(new ProbePlanner(), 16 * SECOND_US, { target: 1_000_000, wanted, answer });
  expect(probes.map(({ atUs }) => atUs / SECOND_US)).toEqual([0, 3, 6, 9, 12, 15]);
});

test("where the path is full, each probe that found nothing makes the next wait longer", () => {
  const answer = (): number => 950_000;
  const probes = plan(new ProbePlanner(), 40 * SECOND_US, {
    target: 1_000_000,
    wanted: () => 3_000_000,
    answer,
  });
  expect(probes.map(({ atUs }) => atUs / SECOND_US)).toEqual([0, 6, 18, 30]);
});

test("a probe that could not be measured is sent again twice, then there is a pause", () => {
  const planner = new ProbePlanner();
  planner.onFirstFeedback(1_000_000, 0);
  const probes = plan(planner, 4 * SECOND_US, {
    target: 1_000_000,
    wanted: () => 5_000_000,
    answer: () => 0,
  });
  expect(probes.map(({ atUs }) => atUs / SECOND_US)).toEqual([0, 0.01, 0.02, 3.02, 3.03, 3.04]);
  expect(probes.map(({ bps }) => bps / 1_000_000)).toEqual([3, 3, 3, 2, 2, 2]);
});

/** Where the path is full: the second and the third wait twice as long as the one before. */
test.each([
  { name: "much more is wanted", wanted: (us: number) => (us < 8 * SECOND_US ? 3_000_000 : 5_000_000) },
  {
    name: "it is wanted again after nothing was",
    wanted: (us: number) => (us > 7 * SECOND_US && us < 8 * SECOND_US ? 0 : 3_000_000),
  },
])("when $name the wait is over, and as short as at first again", ({ wanted }) => {
  const probes = plan(new ProbePlanner(), 27 * SECOND_US, {
    target: 1_000_000,
    wanted,
    answer: () => 950_000,
  });
  expect(probes.map(({ atUs }) => atUs / SECOND_US)).toEqual([0, 6, 8, 14, 26]);
});

test("when a probe has got through, the wait is as short as at first again", () => {
  let asked = 0;
  const probes = plan(new ProbePlanner(), 25 * SECOND_US, {
    target: 1_000_000,
    wanted: () => 1_050_000,
    answer: (bps) => (asked++ < 2 ? 500_000 : 0.85 * bps),
  });
  expect(probes.map(({ atUs }) => atUs / SECOND_US)).toEqual([0, 6, 18, 21, 24]);
});
