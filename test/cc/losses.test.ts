/** Losses: gathered into observations, and told apart into those that a rate causes and those that come anyway. */
import { expect, test } from "vitest";
import { LossModel, NO_LIMIT } from "../../src/cc/loss-model.ts";
import { LossObserver } from "../../src/cc/loss-observer.ts";
import { SentPacketLog } from "../../src/cc/sent-packet-log.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const MS = 1_000;
const KBPS = 1_000;
const FIRST = 0x10000;
const BYTES = 1_000;

/** Observations after a second of packets, 10 ms apart, with a fate each: "." came, "x" lost, "?" not reported. */
function observe(fates: string, newestMs: number): string[] {
  const log = new SentPacketLog();
  [...fates].forEach((fate, i) => {
    log.onSent(BYTES, i * 10 * MS, 0, 0);
    if (fate === ".") log.setReceived(FIRST + i);
    if (fate === "x") log.setLost(FIRST + i + 1, 1);
  });
  const observer = new LossObserver();
  const observations: string[] = [];
  while (observer.advance(log, newestMs * MS)) {
    const { bytes, lostBytes, sentBps } = observer;
    observations.push(`${lostBytes / BYTES} of ${bytes / BYTES} at ${sentBps / KBPS}`);
  }
  return observations;
}

test.each([
  { name: "too few yet", fates: ".".repeat(30), newestMs: 290, found: [] },
  {
    name: "a quarter second, once it is settled",
    fates: ".".repeat(40),
    newestMs: 350,
    found: ["0 of 25 at 800"],
  },
  {
    name: "losses",
    fates: "..x......x.........................x....",
    newestMs: 390,
    found: ["2 of 25 at 800"],
  },
  {
    name: "packets without a report, sent and no more",
    fates: "..x.......??????????......................",
    newestMs: 400,
    found: ["1 of 15 at 800"],
  },
  {
    name: "no moment in which nothing comes through, nor what came right before it",
    fates: `${".".repeat(10)}${"x".repeat(11)}${".".repeat(50)}`,
    newestMs: 700,
    found: ["0 of 25 at 800"],
  },
  {
    name: "a moment in which something does, though little",
    fates: `${".".repeat(10)}xxxxxx.xxxxx${".".repeat(20)}`,
    newestMs: 410,
    found: ["11 of 25 at 800"],
  },
  {
    name: "a shorter moment",
    fates: `${".".repeat(10)}${"x".repeat(10)}${".".repeat(20)}`,
    newestMs: 390,
    found: ["10 of 25 at 800"],
  },
  {
    name: "a second moment soon after",
    fates: `${"x".repeat(20)}${".".repeat(10)}${"x".repeat(20)}${".".repeat(40)}`,
    newestMs: 850,
    found: ["15 of 25 at 800", "5 of 25 at 800"],
  },
  {
    name: "no second moment a second later",
    fates: `${"x".repeat(20)}${".".repeat(100)}${"x".repeat(20)}${".".repeat(40)}`,
    newestMs: 1_790,
    found: Array(4).fill("0 of 25 at 800"),
  },
  { name: "several at once", fates: ".".repeat(100), newestMs: 990, found: Array(3).fill("0 of 25 at 800") },
])("observes $name", ({ fates, newestMs, found }) => {
  expect(observe(fates, newestMs)).toEqual(found);
});

test("what was sent in an outage is not judged", () => {
  const log = new SentPacketLog();
  for (let i = 0; i < 200; i++) log.onSent(BYTES, i * 10 * MS, 0, 0);
  log.setLost(FIRST + 100, 100);
  for (let i = 100; i < 200; i++) log.setReceived(FIRST + i);
  const observer = new LossObserver();
  observer.skipTo(FIRST + 100);
  expect(observer.advance(log, 1_990 * MS)).toBe(true);
  expect([observer.lostBytes, observer.bytes]).toEqual([0, 25 * BYTES]);
});

/** A link that loses the share `inherent` of all and whatever exceeds `linkKbps`, seen at the rates sent. */
function modelOf(sentKbps: readonly number[], linkKbps: number, inherent: number, seed: number): LossModel {
  const random = seededRandom(seed);
  const model = new LossModel();
  for (const kbps of sentKbps) {
    const packets = Math.round((kbps * 0.25) / 8);
    const loss = inherent + (1 - inherent) * Math.max(0, 1 - linkKbps / kbps);
    let lost = 0;
    for (let i = 0; i < packets; i++) if (random() < loss) lost += 1;
    model.add(packets * BYTES, lost * BYTES, kbps * KBPS);
  }
  return model;
}

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const ramp = (from: number, to: number, count = 40): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

test.each([
  { name: "no loss", sent: ramp(2_000, 2_000), link: 9_999, inherent: 0 },
  { name: "2 % at one rate", sent: ramp(2_000, 2_000), link: 9_999, inherent: 0.02 },
  { name: "10 % at one rate", sent: ramp(2_000, 2_000), link: 9_999, inherent: 0.1 },
  { name: "10 % at a rate that grows", sent: ramp(1_500, 2_500), link: 9_999, inherent: 0.1 },
  { name: "10 % at a rate that falls", sent: ramp(2_500, 1_500), link: 9_999, inherent: 0.1 },
  { name: "few observations", sent: ramp(2_000, 2_400, 3), link: 2_000, inherent: 0 },
])("finds no limit in $name", ({ sent, link, inherent }) => {
  const limited = SEEDS.filter(
    (seed) => modelOf(sent, link, inherent, seed).limitBps(sent.at(-1)! * KBPS) !== NO_LIMIT,
  );
  // Chance may look like evidence now and then.
  expect(limited.length).toBeLessThanOrEqual(1);
});

test.each([
  { name: "a link of 2 Mbit/s", sent: ramp(1_800, 2_300), link: 2_000, inherent: 0 },
  { name: "the same, losing 5 % anyway", sent: ramp(1_600, 2_500), link: 2_000, inherent: 0.05 },
  { name: "a quarter too much from the first", sent: ramp(2_500, 2_500), link: 2_000, inherent: 0 },
])("finds the limit of $name", ({ sent, link, inherent }) => {
  for (const seed of SEEDS) {
    const model = modelOf(sent, link, inherent, seed);
    const limitBps = model.limitBps(sent.at(-1)! * KBPS);
    expect(limitBps / KBPS).toBeGreaterThan(0.85 * link);
    expect(limitBps / KBPS).toBeLessThan(1.13 * link);
    expect(model.exceeds(limitBps)).toBe(true);
  }
});

test("back under the limit, evidence is left but nothing exceeds it", () => {
  const model = modelOf([...ramp(1_800, 2_400, 30), ...ramp(1_900, 1_900, 4)], 2_000, 0, 1);
  expect(model.limitBps(1_900 * KBPS)).not.toBe(NO_LIMIT);
  expect(model.exceeds(1_900 * KBPS)).toBe(false);
});

test("heavy loss for most of a second is of a link that has changed, and says what came", () => {
  const model = modelOf(ramp(2_000, 2_000, 30), 9_999, 0, 1);
  for (let i = 0; i < 2; i++) {
    expect(model.isHeavy).toBe(false);
    model.add(60_000, 30_000 + 6_000 * i, 2_000 * KBPS);
  }
  model.add(60_000, 42_000, 2_000 * KBPS);
  expect(model.isHeavy).toBe(true);
  expect(model.cameBps / KBPS).toBeCloseTo(800);
  expect(model.latestLoss(1)).toBeCloseTo(0.7);
  model.reset();
  expect(model.isHeavy).toBe(false);
});

/** What came during the drain is what was sent: to be held to it would be to starve. */
test("what overflowed at a fall of capacity is not heavy loss after the queue has been drained", () => {
  const model = modelOf(ramp(4_000, 4_000, 30), 9_999, 0, 1);
  model.add(140_000, 98_000, 4_200 * KBPS);
  for (const [bytes, lostBytes] of [
    [18_500, 10_500],
    [5_400, 0],
    [4_200, 0],
    [4_800, 0],
  ] as const) {
    model.add(bytes, lostBytes, bytes / 31);
    expect(model.isHeavy).toBe(false);
  }
});

/** Or bad radio would take a third of the little that is left, again and again. */
test("at a low rate loss is heavy when it is more than may come anyway", () => {
  const heavyAt = (kbps: number, loss: number): boolean => {
    const model = new LossModel();
    for (let i = 0; i < 3; i++) model.add(10_000, 10_000 * loss, kbps * KBPS);
    return model.isHeavy;
  };
  expect([heavyAt(2_000, 0.3), heavyAt(200, 0.3), heavyAt(200, 0.5)]).toEqual([true, false, true]);
});
