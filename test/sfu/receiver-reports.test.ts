/**
 * Goal: what a report says of the time since the one before, however long the call.
 * Method: report blocks as they come from the wire.
 */
import { expect, test } from "vitest";
import { ReceiverReports } from "../../src/sfu/receiver-reports.ts";

const block = (highestSeq: number, cumulativeLost: number, fractionLost: number) => ({
  ssrc: 1,
  fractionLost,
  cumulativeLost,
  highestSeq,
  jitter: 0,
  lastSr: 0,
  delaySinceLastSr: 0,
});

test.each([
  { name: "as counted", before: [1_000, 10], now: [1_100, 30], lost: 20 },
  { name: "over a wrap of the highest number", before: [2 ** 32 - 50, 10], now: [50, 30], lost: 20 },
  { name: "fewer, as late packets came", before: [1_000, 30], now: [1_100, 10], lost: 0 },
  // The count has 23 bits, and stays at its end.
  { name: "when the count reaches its end", before: [1_000, 0x7f_fff0], now: [1_100, 0x7f_ffff], lost: 25 },
  { name: "when the count has ended", before: [1_000, 0x7f_ffff], now: [1_100, 0x7f_ffff], lost: 25 },
])("losses: $name", ({ before, now, lost }) => {
  const reports = new ReceiverReports();
  reports.onReportBlock(block(before[0]!, before[1]!, 0), 0);
  reports.onReportBlock(block(now[0]!, now[1]!, 64), 1_000_000);
  expect(reports.expected).toBe(100);
  expect(reports.lost).toBe(lost);
});
