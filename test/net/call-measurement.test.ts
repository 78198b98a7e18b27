import { expect, test } from "vitest";
import { NO_STATISTICS } from "../../src/http/test-call/received-statistics.ts";
import { measureCall, recoveryMs, type Sample } from "./call-measurement.ts";

/** A sample each 500 ms; what a row leaves out is as in the row before. */
function samples(...rows: readonly Partial<Sample>[]): Sample[] {
  let last: Sample = { ...NO_STATISTICS, atMs: 0 };
  return rows.map((row, i) => {
    last = { ...last, ...row, atMs: 1_000 + 500 * i };
    return last;
  });
}

test("counters are taken over the time between first and last", () => {
  const measured = measureCall(
    samples(
      { framesDecoded: 10, frameHeight: 180, totalFreezesDuration: 3, nackCount: 5, pliCount: 1 },
      { framesDecoded: 20 },
      { framesDecoded: 30, frameHeight: 720, totalFreezesDuration: 3.1, nackCount: 7 },
      { framesDecoded: 40, pliCount: 4, totalSamplesReceived: 1_000, concealedSamples: 150 },
      { framesDecoded: 50, totalSamplesReceived: 2_000, concealedSamples: 300, silentConcealedSamples: 100 },
    ),
  );
  expect(measured).toMatchObject({
    seconds: 2,
    framesPerSecond: 20,
    still: 0,
    concealed: 0.1,
    nacks: 2,
    plis: 3,
  });
  expect(measured.freezeSecondsPerMinute).toBeCloseTo(3);
  expect(measured.heights).toEqual({ 180: 0.25, 720: 0.75 });
});

test("a picture that has not come for a second stands still, whether one comes again or not", () => {
  const still = { framesDecoded: 2 };
  const { still: share, heights } = measureCall(
    samples(
      { framesDecoded: 1, frameHeight: 360 },
      still,
      still,
      still,
      still,
      { framesDecoded: 3 },
      {},
      {},
      {},
    ),
  );
  // The intervals before samples 3, 4, 7 and 8.
  expect(share).toBe(4 / 8);
  expect(heights).toEqual({ 360: 0.5 });
});

test("a new connection counts from 0", () => {
  const measured = measureCall(
    samples(
      { framesDecoded: 100, nackCount: 50 },
      { framesDecoded: 0, nackCount: 0 },
      { framesDecoded: 10, nackCount: 2 },
    ),
  );
  expect(measured).toMatchObject({ framesPerSecond: 10, nacks: 2 });
});

test("pictures come again after a blackout, or never", () => {
  const rows = samples(
    { framesDecoded: 1 },
    { framesDecoded: 2 },
    {},
    {},
    { framesDecoded: 3 },
    { framesDecoded: 9 },
  );
  expect(recoveryMs(rows, 2_000)).toBe(1_000);
  expect(recoveryMs(rows, 3_400)).toBe(null);
  expect(recoveryMs(rows, 9_000)).toBe(null);
});
