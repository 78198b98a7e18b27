import { describe, expect, test } from "vitest";
import { ReportFallback } from "../../src/cc/report-fallback.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const SECOND_US = 1_000_000;
const KBPS = 1_000;

/** A report or a REMB a row, a second apart; the rate after it, in kbit/s. All that is allowed is sent. */
test.each([
  {
    name: "starts as told, and grows while nothing is lost",
    rows: [
      ["rr", 0, 648],
      ["rr", 0.01, 700],
      ["rr", 0, 756],
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
  {
    name: "is what the receiver said last, and grows from there when it says nothing more",
    rows: [
      ["remb", 2_000, 2_000],
      ["remb", 200, 200],
      ["rr", 0, 200],
      ["rr", 0, 200],
      ["rr", 0, 200],
      ["rr", 0, 216],
      ["rr", 0, 233],
      ["remb", 210, 210],
    ],
  },
] as const)("the rate $name", ({ rows }) => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  rows.forEach(([kind, value, kbps], i) => {
    if (kind === "rr") fallback.onReport(100, 100 * value, fallback.bps, (i + 1) * SECOND_US);
    else fallback.onRemb(value * KBPS, (i + 1) * SECOND_US);
    expect(Math.round(fallback.bps / KBPS), `row ${i}`).toBe(kbps);
  });
});

test("reports of one second are judged together, by how many packets each is about", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  const report = (ms: number, expected: number, lost: number): void =>
    fallback.onReport(expected, lost, 600 * KBPS, ms * 1_000);
  report(100, 50, 50);
  report(500, 350, 10);
  expect([fallback.bps / KBPS, fallback.lossRatio]).toEqual([600, 0]);
  report(1_000, 100, 40);
  expect([fallback.bps / KBPS, fallback.lossRatio]).toEqual([540, 0.2]);
  report(1_100, 100, 30);
  for (const ms of [1_500, 1_900]) report(ms, 100, 0);
  expect(fallback.bps / KBPS).toBe(540);
  report(2_000, 100, 0);
  expect([fallback.bps / KBPS, fallback.lossRatio]).toEqual([540, 0.075]);
});

test("a report about nothing tells of no loss", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  fallback.onReport(0, 0, 600 * KBPS, SECOND_US);
  expect([fallback.bps / KBPS, fallback.lossRatio]).toEqual([648, 0]);
});

test("does not grow beyond what is used", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  for (let i = 0; i < 100; i++) fallback.onReport(100, 0, 100 * KBPS, i * SECOND_US);
  expect(fallback.bps / KBPS).toBe(600);
});

test("grows as far as the next step up, however little is sent", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  fallback.nextBps = 1_700 * KBPS;
  for (let i = 0; i < 100; i++) fallback.onReport(100, 0, 500 * KBPS, i * SECOND_US);
  expect(fallback.bps / KBPS).toBe(1_700);
});

test("losses that stayed on a radio count again when it has been better for a while", () => {
  const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
  let second = 0;
  const report = (loss: number): number => {
    second += 1;
    fallback.onReport(100, 100 * loss, fallback.bps, second * SECOND_US);
    return fallback.bps;
  };
  for (let i = 0; i < 60; i++) report(0.2);
  const onRadio = fallback.bps;
  expect(report(0.2)).toBeGreaterThanOrEqual(onRadio);
  for (let i = 0; i < 30; i++) report(0);
  const onGoodRadio = fallback.bps;
  expect(report(0.2)).toBeLessThan(onGoodRadio);
});

describe("a video of one layer beside a voice, by reports alone", () => {
  const VIDEO_KBPS = 500;
  const AUDIO_KBPS = 40;
  const PACKETS = { video: 57, audio: 50 };
  const SECONDS = 90;

  /** Share of the last minute for which the video was sent; `lossOf` says what is lost when so many kbit/s are sent. */
  function watch(seed: number, lossOf: (kbps: number) => number): number {
    const random = seededRandom(seed);
    const fallback = new ReportFallback(600 * KBPS, 50 * KBPS, 0);
    fallback.nextBps = (VIDEO_KBPS + AUDIO_KBPS) * KBPS;
    let sent = 0;
    for (let second = 1; second <= SECONDS; second++) {
      const isSent = fallback.bps >= (VIDEO_KBPS + AUDIO_KBPS) * KBPS;
      const kbps = AUDIO_KBPS + (isSent ? VIDEO_KBPS : 0);
      const packets = PACKETS.audio + (isSent ? PACKETS.video : 0);
      let lost = 0;
      for (let i = 0; i < packets; i++) if (random() < lossOf(kbps)) lost += 1;
      fallback.onReport(packets, lost, kbps * KBPS, second * SECOND_US);
      if (second > SECONDS - 60 && isSent) sent += 1;
    }
    return sent / 60;
  }

  const SEEDS = Array.from({ length: 50 }, (_, i) => i + 1);

  test.each([0.1, 0.2, 0.3])("radio that loses %f of all packets does not end it, but for trials", (loss) => {
    const shares = SEEDS.map((seed) => watch(seed, () => loss));
    expect(shares.filter((share) => share < 0.5)).toEqual([]);
  });

  test("a link that is too narrow for it does, but for trials", () => {
    const shares = SEEDS.map((seed) => watch(seed, (kbps) => Math.max(0, 1 - 250 / kbps)));
    expect(shares.filter((share) => share > 0.2)).toEqual([]);
  });
});
