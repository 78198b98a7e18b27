import { expect, test } from "vitest";
import { freezesOf } from "./freezes.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;

/** Times of pictures, each so many milliseconds after the one before. */
function shown(...gapsMs: number[]): number[] {
  const times = [0];
  for (const gap of gapsMs) times.push(times.at(-1)! + gap * MS);
  return times;
}
const even = (count: number, ms: number): number[] => new Array<number>(count).fill(ms);

test.each([
  { name: "nothing was shown", gaps: null, freezes: [] },
  { name: "30 a second", gaps: even(100, 33), freezes: [] },
  // 33 + 150 is more than 3 × 33.
  { name: "just under the limit", gaps: [...even(40, 33), 182, ...even(5, 33)], freezes: [] },
  { name: "at the limit", gaps: [...even(40, 33), 183, ...even(5, 33)], freezes: [183] },
  // 3 × 100 is more than 100 + 150.
  { name: "slow video, under the limit", gaps: [...even(40, 100), 299, 100], freezes: [] },
  { name: "slow video, at the limit", gaps: [...even(40, 100), 300, 100], freezes: [300] },
  {
    name: "a freeze raises the average of the next 30",
    gaps: [...even(30, 33), 3_000, 183, 33],
    freezes: [3_000],
  },
  { name: "and of no more", gaps: [...even(30, 33), 3_000, ...even(30, 33), 183, 33], freezes: [3_000, 183] },
  { name: "the first interval has no average", gaps: [5_000, 33], freezes: [] },
])("$name", ({ gaps, freezes }) => {
  const times = gaps === null ? [] : shown(...gaps);
  const found = freezesOf(times, times.at(-1) ?? 0);
  expect(found.map(({ durationUs }) => durationUs / MS)).toEqual(freezes);
});

test("what stands still at the end counts until then", () => {
  const times = shown(...even(40, 33));
  const lastUs = times.at(-1)!;
  expect(freezesOf(times, lastUs + 5 * SECOND_US)).toEqual([{ fromUs: lastUs, durationUs: 5 * SECOND_US }]);
});
