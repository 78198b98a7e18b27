import { expect, test } from "vitest";
import { ReportFallback } from "../../src/cc/report-fallback.ts";

const SECOND_US = 1_000_000;
const KBPS = 1_000;

/** A report or a REMB a row, a second apart; the rate after it, in kbit/s. All that is allowed is sent. */
test.each([
  {
    name: "starts as told, and grows while nothing is lost",
    rows: [
      ["rr", 0, 600],
      ["rr", 0.01, 648],
      ["rr", 0, 700],
    ],
  },
  {
    name: "holds at some loss",
    rows: [
      ["rr", 0.05, 600],
      ["rr", 0.09, 600],
    ],
  },
  {
    name: "falls by half of what is lost",
    rows: [
      ["rr", 0.2, 540],
      ["rr", 0.5, 405],
    ],
  },
  {
    name: "is what the receiver says",
    rows: [
      ["remb", 900, 900],
      ["remb", 500, 500],
      ["remb", 2_000, 2_000],
    ],
  },
  {
    name: "is less than the receiver says when much is lost",
    rows: [
      ["remb", 1_000, 1_000],
      ["rr", 0.4, 800],
      ["remb", 1_200, 800],
      ["rr", 0, 864],
    ],
  },
] as const)("the rate $name", ({ rows }) => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS);
  rows.forEach(([kind, value, kbps], i) => {
    // Growth counts from the report before.
    if (kind === "rr") fallback.onReport(value, fallback.bps, i * SECOND_US);
    else fallback.onRemb(value * KBPS);
    expect(Math.round(fallback.bps / KBPS), `row ${i}`).toBe(kbps);
  });
});

test("of reports about several streams at once one counts", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS);
  for (let stream = 0; stream < 5; stream++) fallback.onReport(0.2, 600 * KBPS, SECOND_US + stream);
  expect(fallback.bps / KBPS).toBe(540);
  for (let stream = 0; stream < 5; stream++) fallback.onReport(0, 600 * KBPS, 2 * SECOND_US + stream);
  expect(fallback.bps / KBPS).toBeLessThan(584);
});

test("does not grow beyond what is used", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS);
  for (let i = 0; i < 100; i++) fallback.onReport(0, 100 * KBPS, i * SECOND_US);
  expect(fallback.bps / KBPS).toBe(600);
});

test("grows as far as the next step up, however little is sent", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS);
  fallback.nextBps = 1_700 * KBPS;
  for (let i = 0; i < 100; i++) fallback.onReport(0, 500 * KBPS, i * SECOND_US);
  expect(fallback.bps / KBPS).toBe(1_700);
});
