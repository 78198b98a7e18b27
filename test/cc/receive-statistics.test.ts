import fc from "fast-check";
import { expect, test } from "vitest";
import { ReceiveStatistics } from "../../src/cc/receive-statistics.ts";

const SECOND_US = 1_000_000;
const CLOCK_RATE = 90_000;

function after(...seqs: number[]): ReceiveStatistics {
  const statistics = new ReceiveStatistics(CLOCK_RATE);
  for (const seq of seqs) statistics.onPacket(seq, 0, 0);
  return statistics;
}

test.each([
  { name: "none", seqs: [1, 2, 3, 4], fraction: 0, lost: 0 },
  { name: "one of four", seqs: [1, 2, 4], fraction: 64, lost: 1 },
  { name: "reordered", seqs: [1, 3, 2, 4], fraction: 0, lost: 0 },
  { name: "all but the ends, of a thousand", seqs: [1, 1000], fraction: 255, lost: 998 },
  { name: "more received than expected", seqs: [1, 2, 2, 2], fraction: 0, lost: -2 },
])("losses: $name", ({ seqs, fraction, lost }) => {
  const report = after(...seqs).report(7, 0);
  expect(report).toMatchObject({ ssrc: 7, fractionLost: fraction, cumulativeLost: lost });
});

test("the fraction is of the time since the last report, the total of all time", () => {
  const statistics = after(1, 3);
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 85, cumulativeLost: 1 });
  statistics.onPacket(4, 0, 0);
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 1 });
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 1 });
  // A packet that comes after its loss was reported takes it back.
  statistics.onPacket(2, 0, 0);
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 0 });
  statistics.onPacket(6, 0, 0);
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 128, cumulativeLost: 1 });
  // Two are new, of which one is lost; and a duplicate makes up for it, as RFC 3550 §A.3 has it.
  for (const seq of [8, 8]) statistics.onPacket(seq, 0, 0);
  expect(statistics.report(7, 0)).toMatchObject({ fractionLost: 0, cumulativeLost: 1 });
});

test("rollovers count in the highest number, modulo 32 bits", () => {
  expect(after(65_535, 65_536).report(7, 0).highestSeq).toBe(0x10000);
  expect(after(2 ** 32 + 5).report(7, 0).highestSeq).toBe(5);
});

test("a stream before its first packet has lost nothing", () => {
  expect(after().report(7, 0)).toMatchObject({
    fractionLost: 0,
    cumulativeLost: 0,
    highestSeq: 0,
    jitter: 0,
  });
});

test("the wire's 24 bits bound the total", () => {
  expect(after(0, 2 ** 30).report(7, 0).cumulativeLost).toBe(0x7fffff);
});

test("the last sender report is named, and how long ago it came", () => {
  const statistics = after(1);
  expect(statistics.report(7, SECOND_US)).toMatchObject({ lastSr: 0, delaySinceLastSr: 0 });
  // 0x12345678 s since 1900, and a half.
  statistics.onSenderReport(0x12345678 * SECOND_US + SECOND_US / 2, 10 * SECOND_US);
  expect(statistics.report(7, 11.5 * SECOND_US)).toMatchObject({
    lastSr: 0x56788000,
    delaySinceLastSr: 98_304,
  });
});

test("packets of one frame share a timestamp and have no jitter among themselves", () => {
  const statistics = new ReceiveStatistics(CLOCK_RATE);
  statistics.onPacket(1, 3_000, 0);
  statistics.onPacket(2, 3_000, 50_000);
  expect(statistics.report(7, 0).jitter).toBe(0);
});

test.each([
  { name: "timestamps wrap", startTimestamp: 0xffffffff - 30_000 },
  { name: "timestamps do not", startTimestamp: 1_000 },
])("jitter follows RFC 3550 §6.4.1 where $name", ({ startTimestamp }) => {
  const delay = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 2, maxLength: 200, size: "max" });
  fc.assert(
    fc.property(delay, (delays) => {
      const statistics = new ReceiveStatistics(CLOCK_RATE);
      let jitter = 0;
      let before = delays[0]!;
      delays.forEach((delayUs, i) => {
        statistics.onPacket(i, (startTimestamp + i * 3_000) >>> 0, (i * SECOND_US) / 30 + delayUs);
        jitter += ((Math.abs(delayUs - before) * CLOCK_RATE) / SECOND_US - jitter) / 16;
        before = delayUs;
      });
      expect(Math.abs(statistics.report(7, 0).jitter - jitter)).toBeLessThanOrEqual(2);
    }),
  );
});

test.each([
  { name: "a day of silence", timestamp: 3_000, arrivalUs: 86_400 * SECOND_US },
  { name: "timestamps that start anew", timestamp: 0x80000000, arrivalUs: SECOND_US / 30 },
])("a break in the timeline is no jitter: $name", ({ timestamp, arrivalUs }) => {
  const statistics = new ReceiveStatistics(CLOCK_RATE);
  statistics.onPacket(1, 0, 0);
  statistics.onPacket(2, timestamp, arrivalUs);
  statistics.onPacket(3, (timestamp + 3_000) >>> 0, arrivalUs + SECOND_US / 30);
  expect(statistics.report(7, 0).jitter).toBe(0);
});
