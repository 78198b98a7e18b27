/** Trend, detector and queue: from differences of delay to a signal. */
import { expect, test } from "vitest";
import { DelayTrend } from "../../src/cc/delay-trend.ts";
import { OveruseDetector } from "../../src/cc/overuse-detector.ts";
import { QueueDelay } from "../../src/cc/queue-delay.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const MS = 1_000;
const GROUP_US = 20 * MS;

/** The trend after `groups` groups of 20 ms, the i-th `deltaUs(i)` later than it should be. */
function trendOf(groups: number, deltaUs: (i: number) => number): DelayTrend {
  const trend = new DelayTrend();
  let arrivalUs = 5_000 * MS;
  for (let i = 0; i < groups; i++) {
    arrivalUs += GROUP_US + deltaUs(i);
    trend.update(deltaUs(i), arrivalUs);
  }
  return trend;
}

test.each([
  { name: "no line before twenty groups", groups: 19, perGroupUs: 1_000, least: 0, most: 0 },
  { name: "a steady delay", groups: 100, perGroupUs: 0, least: 0, most: 0 },
  // Once the smoothing has settled it lags, but rises as the delay does: 1 ms in 21.
  { name: "a queue that grows", groups: 200, perGroupUs: 1_000, least: 0.0475, most: 0.0477 },
  { name: "a queue that drains", groups: 200, perGroupUs: -1_000, least: -0.0527, most: -0.0525 },
])("slope of $name", ({ groups, perGroupUs, least, most }) => {
  const { slope } = trendOf(groups, () => perGroupUs);
  expect(slope).toBeGreaterThanOrEqual(least);
  expect(slope).toBeLessThanOrEqual(most);
});

test("a step of the delay is a slope only while the window holds it", () => {
  const step = (i: number): number => (i === 50 ? 30 * MS : 0);
  expect(trendOf(60, step).slope).toBeGreaterThan(0.03);
  expect(Math.abs(trendOf(150, step).slope)).toBeLessThan(0.001);
});

/** The signals of groups 20 ms apart with slope `slope(i)`, the repetitions left out. */
function signalsOf(groups: number, slope: (i: number) => number): string[] {
  const detector = new OveruseDetector();
  const signals = Array.from({ length: groups }, (_, i) => {
    detector.update(slope(i), i + 1, GROUP_US, i * GROUP_US);
    return detector.signal;
  });
  return signals.filter((signal, i) => signal !== signals[i - 1]);
}

test.each([
  { name: "silence", slope: () => 0, signals: ["normal"] },
  {
    name: "a rising slope",
    slope: (i: number) => (i < 60 ? 0 : (i - 59) * 0.02),
    signals: ["normal", "overuse"],
  },
  { name: "one group above", slope: (i: number) => (i === 70 ? 0.1 : 0), signals: ["normal"] },
  { name: "a falling slope", slope: (i: number) => (i < 60 ? 0 : -0.1), signals: ["normal", "underuse"] },
  {
    name: "a queue that grows, then drains",
    slope: (i: number) => (i < 70 ? 0.002 * i : i < 90 ? -0.2 : 0),
    signals: ["normal", "overuse", "underuse", "normal"],
  },
])("signals of $name", ({ slope, signals }) => {
  expect(signalsOf(120, slope)).toEqual(signals);
});

test("the threshold gets used to a restless path, and not to a sudden drop of capacity", () => {
  const after = (before: number) => (i: number) => (i < 100 ? 0 : i < 200 ? before : 0.08);
  expect(signalsOf(210, after(0)).at(-1)).toBe("overuse");
  expect(signalsOf(210, after(0.085)).at(-1)).toBe("normal");
  expect(signalsOf(210, after(0.5)).at(-1)).toBe("overuse");
});

/** Delays in ms of packets 10 ms apart, and the queue that is seen after them. */
test.each([
  { name: "nothing", delays: [], queueMs: 0 },
  { name: "a steady path", delays: Array(100).fill(40), queueMs: 0 },
  {
    name: "single late packets",
    delays: Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? 40 : 90)),
    queueMs: 0,
  },
  { name: "a queue", delays: [...Array(100).fill(40), ...Array(20).fill(75)], queueMs: 35 },
  { name: "a queue that has just begun", delays: [...Array(100).fill(40), ...Array(4).fill(75)], queueMs: 0 },
  { name: "a queue that has gone", delays: [...Array(100).fill(75), ...Array(20).fill(40)], queueMs: 0 },
  {
    name: "a path that has been longer for long",
    delays: [...Array(100).fill(40), ...Array(2_500).fill(75)],
    queueMs: 0,
  },
])("queue of $name", ({ delays, queueMs }) => {
  const queue = new QueueDelay();
  // The other clock is an hour ahead.
  delays.forEach((delayMs, i) => {
    queue.onPackets(1, i * 10 * MS, i * 10 * MS + delayMs * MS + 3_600_000_000);
  });
  expect(queue.us).toBe(queueMs * MS);
});

test("after a long silence the path is measured anew", () => {
  const queue = new QueueDelay();
  for (let i = 0; i < 100; i++) queue.onPackets(1, i * 10 * MS, (i * 10 + 40) * MS);
  for (let i = 3_000; i < 3_100; i++) queue.onPackets(1, i * 10 * MS, (i * 10 + 75) * MS);
  expect(queue.us).toBe(0);
});

test("jitter of 60 ms is next to no queue", () => {
  const random = seededRandom(1);
  const queue = new QueueDelay();
  const seen: number[] = [];
  for (let i = 0; i < 5_000; i++) {
    queue.onPackets(1, i * 5 * MS, i * 5 * MS + random() * 60 * MS);
    if (i > 100) seen.push(queue.us);
  }
  seen.sort((a, b) => a - b);
  expect(seen[Math.floor(0.95 * seen.length)]!).toBeLessThan(20 * MS);
});

test("a queue that is accepted is none", () => {
  const queue = new QueueDelay();
  for (let i = 0; i < 200; i++) queue.onPackets(1, i * 10 * MS, i * 10 * MS + (i < 100 ? 40 : 120) * MS);
  expect(queue.us).toBe(80 * MS);
  queue.reset();
  expect(queue.us).toBe(0);
  for (let i = 200; i < 300; i++) queue.onPackets(1, i * 10 * MS, i * 10 * MS + 150 * MS);
  expect(queue.us).toBe(30 * MS);
});
