import fc from "fast-check";
import { expect, test } from "vitest";
import { RateWindow } from "../../src/cc/rate-window.ts";

const MS = 1_000;
const SPAN_US = 500 * MS;

/** `bytes` every `everyMs` in [fromMs, toMs). */
function fill(window: RateWindow, fromMs: number, toMs: number, everyMs: number, bytes: number): void {
  for (let ms = fromMs; ms < toMs; ms += everyMs) window.add(bytes, ms * MS);
}

test.each([
  { name: "nothing yet", toMs: 0, atMs: 500, bps: 0 },
  { name: "too early to say", toMs: 100, atMs: 100, bps: 0 },
  { name: "from the start on", toMs: 200, atMs: 200, bps: 800_000 },
  { name: "of the span only", toMs: 5_000, atMs: 5_000, bps: 800_000 },
  { name: "falling in silence", toMs: 5_000, atMs: 5_250, bps: 400_000 },
  { name: "of part of a bucket", toMs: 5_000, atMs: 5_255, bps: 392_000 },
  { name: "of part of the last bucket", toMs: 5_000, atMs: 5_495, bps: 8_000 },
  { name: "after a long silence", toMs: 5_000, atMs: 50_000, bps: 0 },
])("a rate, $name", ({ toMs, atMs, bps }) => {
  const window = new RateWindow();
  fill(window, 0, toMs, 10, 1_000);
  expect(window.bps(atMs * MS, SPAN_US)).toBeCloseTo(bps);
});

test("a short span follows at once", () => {
  const window = new RateWindow();
  fill(window, 0, 1_000, 10, 1_000);
  fill(window, 1_000, 1_100, 10, 100);
  expect(window.bps(1_100 * MS, 100 * MS)).toBeCloseTo(80_000);
});

test("stamps out of order count where they belong; much older ones start anew", () => {
  const window = new RateWindow();
  fill(window, 1_000, 2_000, 20, 1_000);
  fill(window, 1_010, 2_010, 20, 1_000);
  expect(window.bps(2_000 * MS, SPAN_US)).toBeCloseTo(800_000);
  window.add(1_000_000, 1_000 * MS);
  expect(window.bps(2_000 * MS, SPAN_US)).toBeCloseTo(800_000);
  window.add(1_000, -1_000 * MS);
  expect(window.newestUs).toBe(-1_000 * MS);
  expect(window.bps(-800 * MS, SPAN_US)).toBeCloseTo(40_000);
});

test("agrees with a list of everything to one bucket, whatever comes", () => {
  const step = fc.record({
    afterUs: fc.integer({ min: 0, max: 40_000 }),
    bytes: fc.integer({ min: 0, max: 1_500 }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 300, size: "max" }),
      fc.nat(100_000),
      (steps, laterUs) => {
        const window = new RateWindow();
        const all: { atUs: number; bytes: number }[] = [];
        let atUs = 7_000_000;
        for (const { afterUs, bytes } of steps) {
          atUs += afterUs;
          window.add(bytes, atUs);
          all.push({ atUs, bytes });
        }
        const endUs = atUs + laterUs;
        const coveredUs = Math.min(SPAN_US, endUs - all[0]!.atUs);
        if (coveredUs < 150_000) {
          expect(window.bps(endUs, SPAN_US)).toBe(0);
          return;
        }
        const sum = (fromUs: number): number =>
          all.filter((one) => one.atUs >= fromUs).reduce((total, { bytes }) => total + bytes, 0);
        const bytes = (window.bps(endUs, SPAN_US) * coveredUs) / 8_000_000;
        expect(bytes).toBeGreaterThanOrEqual(sum(endUs - coveredUs + 10_000) - 0.001);
        expect(bytes).toBeLessThanOrEqual(sum(endUs - coveredUs - 10_000) + 0.001);
      },
    ),
  );
});

test("after a silence a rate begins as at first: what comes is not spread over the silence", () => {
  const window = new RateWindow();
  fill(window, 0, 1_000, 10, 1_000);
  fill(window, 5_000, 5_100, 10, 1_000);
  expect(window.bps(5_100 * MS, SPAN_US)).toBe(0);
  fill(window, 5_100, 5_200, 10, 1_000);
  expect(window.bps(5_200 * MS, SPAN_US)).toBeCloseTo(800_000);
});

test("after a reset nothing is known, and it begins again", () => {
  const window = new RateWindow();
  fill(window, 0, 1_000, 10, 1_000);
  window.reset();
  expect(window.bps(1_000 * MS, SPAN_US)).toBe(0);
  fill(window, 1_000, 1_200, 10, 100);
  expect(window.bps(1_200 * MS, SPAN_US)).toBeCloseTo(80_000);
});
