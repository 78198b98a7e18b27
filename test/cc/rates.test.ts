/** The rate of the path, how much of it is used, and the emptying of queues: tables of what happened and what follows. */
import { expect, test } from "vitest";
import type { Acknowledgements } from "../../src/cc/acknowledgements.ts";
import { AimdRate } from "../../src/cc/aimd-rate.ts";
import { LinkCapacity } from "../../src/cc/link-capacity.ts";
import { QueueDrain } from "../../src/cc/queue-drain.ts";
import { Throughput } from "../../src/cc/throughput.ts";

const MS = 1_000;
const KBPS = 1_000;
const RTT_US = 100 * MS;
const NO_LIMIT = Number.POSITIVE_INFINITY;

test("a link is known by what it carried when full, and changed when it carries more or less", () => {
  const link = new LinkCapacity();
  expect([link.known, link.isAbove(1), link.isBelow(1e9)]).toEqual([false, false, false]);
  for (const kbps of [1_000, 1_020, 980, 1_010]) link.add(kbps * KBPS);
  expect(link.bps).toBeGreaterThan(995 * KBPS);
  expect(link.bps).toBeLessThan(1_005 * KBPS);
  expect([link.isBelow(1_050 * KBPS), link.isBelow(1_070 * KBPS)]).toEqual([false, true]);
  expect([link.isAbove(960 * KBPS), link.isAbove(900 * KBPS)]).toEqual([false, true]);
  link.forget();
  expect(link.known).toBe(false);
  // At high rates three deviations are less than a count of half a second may be wrong by.
  for (let i = 0; i < 20; i++) link.add(4_000 * KBPS);
  expect([link.isBelow(4_200 * KBPS), link.isBelow(4_300 * KBPS)]).toEqual([false, true]);
});

test("a fall is corrected to what the link is found to carry, and no further than to before it", () => {
  const correctedTo = (carriedKbps: number): number => {
    const rate = new AimdRate(1_000 * KBPS, 50 * KBPS, 0);
    rate.onOveruse(500 * KBPS, RTT_US, 0);
    rate.correct(carriedKbps * KBPS, 1_000 * KBPS);
    return rate.bps / KBPS;
  };
  expect([0, 400, 800, 3_000].map(correctedTo)).toEqual([455, 455, 728, 1_000]);
});

interface Step {
  readonly atMs: number;
  readonly grow?: { readonly ackedKbps: number; readonly limitKbps?: number };
  readonly overuse?: number;
  readonly raise?: number;
  readonly limit?: number;
  readonly capacity?: number;
  /** Rate after it, in kbit/s. */
  readonly kbps: number;
}

test.each<{ name: string; steps: Step[] }>([
  {
    name: "grows by 8 % a second while nothing is known",
    steps: [
      { atMs: 100, grow: { ackedKbps: 1_000 }, kbps: 1_008 },
      { atMs: 200, grow: { ackedKbps: 1_000 }, kbps: 1_016 },
      { atMs: 9_200, grow: { ackedKbps: 1_000 }, kbps: 1_097 },
    ],
  },
  {
    name: "stops at the limit, and keeps what it has beyond",
    steps: [
      { atMs: 500, grow: { ackedKbps: 1_000, limitKbps: 1_010 }, kbps: 1_010 },
      { atMs: 1_000, grow: { ackedKbps: 1_000, limitKbps: 900 }, kbps: 1_010 },
    ],
  },
  {
    name: "falls to a share of what the link carried, then grows by a packet per response time",
    steps: [
      { atMs: 100, overuse: 1_000, kbps: 910 },
      { atMs: 1_100, grow: { ackedKbps: 910 }, kbps: 958 },
      { atMs: 2_100, grow: { ackedKbps: 950 }, kbps: 1_006 },
    ],
  },
  {
    name: "grows fast again when the link carries clearly more than it did",
    steps: [
      { atMs: 100, overuse: 1_000, kbps: 910 },
      { atMs: 1_100, grow: { ackedKbps: 1_100 }, kbps: 983 },
    ],
  },
  {
    name: "waits a round trip for a decrease to show",
    steps: [
      { atMs: 100, overuse: 1_000, kbps: 910 },
      { atMs: 150, overuse: 800, kbps: 910 },
      { atMs: 210, overuse: 800, kbps: 728 },
    ],
  },
  {
    name: "but not when the link carries less than half",
    steps: [
      { atMs: 100, overuse: 1_000, kbps: 910 },
      { atMs: 150, overuse: 300, kbps: 273 },
    ],
  },
  { name: "is held while nothing is known of the link", steps: [{ atMs: 100, overuse: 0, kbps: 1_000 }] },
  { name: "has a floor", steps: [{ atMs: 100, overuse: 20, kbps: 50 }] },
  { name: "over-use never raises it", steps: [{ atMs: 100, overuse: 5_000, kbps: 1_000 }] },
  {
    name: "takes the link's known capacity when the count is older than the queue",
    steps: [
      { atMs: 100, overuse: 1_000, kbps: 910 },
      { atMs: 200, raise: 990, kbps: 990 },
      { atMs: 400, overuse: 1_500, kbps: 910 },
    ],
  },
  {
    name: "a probe raises it at once, and never lowers",
    steps: [
      { atMs: 100, raise: 3_000, kbps: 3_000 },
      { atMs: 200, raise: 2_000, kbps: 3_000 },
    ],
  },
  {
    name: "what a full probe measured is the capacity: growth is slow",
    steps: [
      { atMs: 100, raise: 4_000, kbps: 4_000 },
      { atMs: 100, capacity: 4_000, kbps: 4_000 },
      { atMs: 1_100, grow: { ackedKbps: 4_000 }, kbps: 4_048 },
    ],
  },
  {
    name: "grows by a share where a packet would be too much",
    steps: [
      { atMs: 100, limit: 200, kbps: 200 },
      { atMs: 100, capacity: 200, kbps: 200 },
      { atMs: 1_100, grow: { ackedKbps: 200 }, kbps: 214 },
    ],
  },
  {
    name: "a limit lowers it, and never raises",
    steps: [
      { atMs: 100, limit: 300, kbps: 300 },
      { atMs: 200, limit: 500, kbps: 300 },
    ],
  },
])("the rate $name", ({ steps }) => {
  const rate = new AimdRate(1_000 * KBPS, 50 * KBPS, 0);
  for (const { atMs, grow, overuse, raise, limit, capacity, kbps } of steps) {
    const nowUs = atMs * MS;
    if (grow !== undefined) {
      const limitBps = grow.limitKbps === undefined ? NO_LIMIT : grow.limitKbps * KBPS;
      rate.grow(grow.ackedKbps * KBPS, limitBps, RTT_US, nowUs);
    }
    if (overuse !== undefined) rate.onOveruse(overuse * KBPS, RTT_US, nowUs);
    if (raise !== undefined) rate.raise(raise * KBPS, nowUs);
    if (limit !== undefined) rate.limit(limit * KBPS, nowUs);
    if (capacity !== undefined) rate.onCapacity(capacity * KBPS);
    expect(Math.round(rate.bps / KBPS), `at ${atMs} ms`).toBe(kbps);
  }
});

/** A second of both: `sentKbps` sent, of which `ackedKbps` is acknowledged, in packets every 10 ms. */
function second(throughput: Throughput, fromMs: number, sentKbps: number, ackedKbps: number): void {
  for (let ms = fromMs; ms < fromMs + 1_000; ms += 10) {
    throughput.onSent((sentKbps * 10) / 8, ms * MS);
    throughput.onAcknowledged({
      bytes: (ackedKbps * 10) / 8,
      unreportedBytes: 0,
      arrivalUs: ms * MS,
      priorArrivalUs: (ms - 10) * MS,
    } as Acknowledgements);
  }
  throughput.measure((fromMs + 1_000) * MS);
}

test.each([
  { name: "all of it is used", sent: 1_000, acked: 1_000, rate: 1_000, limited: false, limit: 1_030 },
  { name: "a little is not", sent: 920, acked: 920, rate: 1_000, limited: false, limit: 948 },
  { name: "the application has less to send", sent: 500, acked: 500, rate: 1_000, limited: true, limit: 520 },
  { name: "a tenth is lost", sent: 1_000, acked: 900, rate: 1_000, limited: false, limit: 1_030 },
  { name: "half is lost", sent: 1_000, acked: 500, rate: 1_000, limited: false, limit: 770 },
])("growth when $name", ({ sent, acked, rate, limited, limit }) => {
  const throughput = new Throughput();
  second(throughput, 0, sent, acked);
  expect(throughput.isLimited(rate * KBPS)).toBe(limited);
  expect(throughput.growthLimitBps / KBPS).toBeGreaterThan(limit - 10);
  expect(throughput.growthLimitBps / KBPS).toBeLessThan(limit + 10);
});

test("of a short queue the best tenth of a second tells the capacity, of a long one the latest time", () => {
  const throughput = new Throughput();
  second(throughput, 0, 400, 400);
  second(throughput, 1_000, 400, 400);
  for (let ms = 2_000; ms < 2_100; ms += 10) {
    throughput.onAcknowledged({ bytes: 2_500, unreportedBytes: 0, arrivalUs: ms * MS } as Acknowledgements);
  }
  throughput.measure(2_100 * MS);
  expect(throughput.capacityBps(30 * MS) / KBPS).toBeGreaterThan(1_800);
  expect(throughput.capacityBps(200 * MS) / KBPS).toBeLessThan(1_000);
});

test("what comes while a queue is there tells what the link carries, once enough has come", () => {
  const throughput = new Throughput();
  second(throughput, 0, 1_000, 1_000);
  // Nothing came for 150 ms, then what had waited.
  for (let ms = 1_150; ms < 1_250; ms += 10) {
    throughput.onAcknowledged({ bytes: 2_500, unreportedBytes: 0, arrivalUs: ms * MS } as Acknowledgements);
  }
  expect(throughput.capacityBps(100 * MS) / KBPS).toBeLessThan(1_000);
  expect(throughput.queuedBps(90 * MS) / KBPS).toBeGreaterThan(1_800);
  expect(throughput.queuedBps(90 * MS) / KBPS).toBeLessThan(2_500);
  expect([0, 9 * MS].map((queuedUs) => throughput.queuedBps(queuedUs))).toEqual([0, 0]);
});

test("bytes of lost reports count", () => {
  const throughput = new Throughput();
  for (let ms = 0; ms < 1_000; ms += 50) {
    const reported = ms % 100 === 0;
    if (!reported) continue;
    const [arrivalUs, priorArrivalUs] = [ms * MS, (ms - 100) * MS];
    throughput.onAcknowledged({
      bytes: 5_000,
      unreportedBytes: 5_000,
      arrivalUs,
      priorArrivalUs,
    } as Acknowledgements);
  }
  throughput.measure(900 * MS);
  expect(throughput.ackedBps / KBPS).toBeGreaterThan(700);
  expect(throughput.ackedBps / KBPS).toBeLessThan(1_000);
});

/** A drain begun at 0 with a queue of 200 ms and 1 Mbit/s; per row what is seen, and what follows. */
test.each([
  {
    name: "ends when the queue is empty",
    rows: [
      { atMs: 100, queueMs: 150, sentShare: 1, factor: 0.35, draining: true },
      { atMs: 600, queueMs: 90, sentShare: 0.5, factor: 0.65, draining: true },
      { atMs: 900, queueMs: 11, sentShare: 0.5, factor: 1, draining: false },
    ],
  },
  {
    name: "goes deeper with a longer queue, and leaves room for audio",
    rows: [
      { atMs: 100, queueMs: 100, sentShare: 1, factor: 0.6, draining: true },
      { atMs: 200, queueMs: 900, sentShare: 1, factor: 0.25, draining: true },
    ],
  },
  {
    name: "is given up when less was sent and the queue stays",
    rows: [
      { atMs: 1_700, queueMs: 190, sentShare: 0.5, factor: 0.25, draining: true },
      { atMs: 1_900, queueMs: 190, sentShare: 0.5, factor: 1, draining: false, useful: false },
    ],
  },
  {
    name: "goes on when not less was sent",
    rows: [
      { atMs: 1_900, queueMs: 190, sentShare: 1, factor: 0.25, draining: true },
      { atMs: 3_600, queueMs: 150, sentShare: 1, factor: 0.35, draining: true },
    ],
  },
])("a drain $name", ({ rows }) => {
  const drain = new QueueDrain();
  drain.begin(200 * MS, 1_000 * KBPS, 0, 0);
  let sentBytes = 0;
  let lastMs = 0;
  for (const { atMs, queueMs, sentShare, factor, draining, useful = true } of rows) {
    sentBytes += (atMs - lastMs) * 125 * sentShare;
    lastMs = atMs;
    const newestSentUs = (atMs - queueMs) * MS;
    expect(drain.update(queueMs * MS, newestSentUs, sentBytes, RTT_US, atMs * MS), `${atMs} ms`).toBe(useful);
    expect(drain.draining).toBe(draining);
    expect(drain.factor(queueMs * MS)).toBeCloseTo(factor, 5);
  }
});

test("what was sent before a drain is told from what was sent in it, and a queue that grows in spite of it", () => {
  const drain = new QueueDrain();
  drain.begin(100 * MS, 1_000 * KBPS, 0, 5_000 * MS);
  expect([drain.isBefore(5_000 * MS), drain.isBefore(5_001 * MS)]).toEqual([true, false]);
  expect([drain.hasGrown(180 * MS), drain.hasGrown(181 * MS)]).toEqual([false, true]);
});
