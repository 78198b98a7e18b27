/** The simulated link must be what the scenarios take it for. */
import { expect, test } from "vitest";
import { Bottleneck, type BottleneckOptions } from "../sim/flow-bottleneck.ts";

const MS = 1_000;
const SECOND_US = 1_000_000;

function link(options: Partial<BottleneckOptions>): Bottleneck<number> {
  return new Bottleneck({
    capacity: [[0, 1_000_000]],
    queueBytes: 1_000_000,
    delayUs: 0,
    seed: 1,
    ...options,
  });
}

/** Arrival in ms of each item, in the order of arrival. */
function arrivals(bottleneck: Bottleneck<number>, untilUs = 1_000 * SECOND_US): [item: number, ms: number][] {
  const all: [number, number][] = [];
  bottleneck.deliver(untilUs, (item, arrivalUs) => all.push([item, arrivalUs / MS]));
  return all;
}

test.each([
  {
    name: "one after another, then the delay",
    options: { delayUs: 30 * MS },
    sent: [0, 0, 50],
    expected: [
      [0, 40],
      [1, 50],
      [2, 90],
    ],
  },
  {
    name: "at a capacity that changes in the middle of a packet",
    options: {
      capacity: [
        [0, 1_000_000],
        [15 * MS, 500_000],
      ],
    },
    sent: [0, 0, 0],
    expected: [
      [0, 10],
      [1, 25],
      [2, 45],
    ],
  },
  {
    name: "not at all while there is no capacity",
    options: {
      capacity: [
        [0, 0],
        [100 * MS, 1_000_000],
      ],
    },
    sent: [0, 50],
    expected: [
      [0, 110],
      [1, 120],
    ],
  },
  {
    name: "as far as the queue has room for the whole packet",
    options: { queueBytes: 3_000 },
    sent: [0, 0, 0, 20],
    expected: [
      [0, 10],
      [1, 20],
      [3, 30],
    ],
  },
  {
    name: "over a path that becomes longer",
    options: { delayUs: 10 * MS, longer: { fromUs: 15 * MS, byUs: 80 * MS } },
    sent: [0, 10],
    expected: [
      [0, 20],
      [1, 110],
    ],
  },
  {
    name: "but for those of an outage",
    options: { outages: [[15 * MS, 25 * MS]] },
    sent: [0, 0, 0],
    expected: [
      [0, 10],
      [2, 30],
    ],
  },
])("packets of 10 ms leave $name", ({ options, sent, expected }) => {
  const bottleneck = link(options as Partial<BottleneckOptions>);
  sent.forEach((ms, item) => {
    bottleneck.send(ms * MS, 1_250, item);
  });
  expect(arrivals(bottleneck)).toEqual(expected);
});

test("tells its queue in bytes and in time", () => {
  const bottleneck = link({});
  for (let item = 0; item < 4; item++) bottleneck.send(0, 1_250, item);
  expect([bottleneck.queuedBytes(0), bottleneck.queueDelayUs(0)]).toEqual([5_000, 40 * MS]);
  expect([bottleneck.queuedBytes(25 * MS), bottleneck.queueDelayUs(25 * MS)]).toEqual([1_875, 15 * MS]);
  expect([bottleneck.queuedBytes(50 * MS), bottleneck.queueDelayUs(50 * MS)]).toEqual([0, 0]);
});

test("hands over what has arrived, once", () => {
  const bottleneck = link({});
  bottleneck.send(0, 1_250, 0);
  bottleneck.send(0, 1_250, 1);
  expect(arrivals(bottleneck, 15 * MS)).toEqual([[0, 10]]);
  expect(arrivals(bottleneck, 15 * MS)).toEqual([]);
  expect(arrivals(bottleneck, 20 * MS)).toEqual([[1, 20]]);
});

/** Of ten thousand packets, 10 ms apart. */
function manyThrough(options: Partial<BottleneckOptions>): [item: number, ms: number][] {
  const bottleneck = link(options);
  for (let item = 0; item < 10_000; item++) bottleneck.send(item * 10 * MS, 125, item);
  return arrivals(bottleneck);
}

test.each([
  { name: "by chance", loss: 0.1, least: 0.09, most: 0.11, longest: 6 },
  {
    name: "in bursts",
    loss: { toBad: 0.01, toGood: 0.1, lossInGood: 0, lossInBad: 1 },
    least: 0.07,
    most: 0.11,
    longest: 100,
  },
])("loses $name", ({ loss, least, most, longest }) => {
  const came = manyThrough({ loss });
  const share = 1 - came.length / 10_000;
  expect(share).toBeGreaterThan(least);
  expect(share).toBeLessThan(most);
  const gaps = came.slice(1).map(([item], i) => item - came[i]![0] - 1);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(longest);
  if (longest > 10) expect(Math.max(...gaps)).toBeGreaterThan(10);
});

test("jitter keeps the order, or not", () => {
  const isSorted = (came: readonly [number, number][]): boolean => came.every(([item], i) => item === i);
  const inOrder = manyThrough({ jitterUs: 60 * MS });
  expect(isSorted(inOrder)).toBe(true);
  const reordered = manyThrough({ jitterUs: 60 * MS, reorders: true });
  expect(isSorted(reordered)).toBe(false);
  expect(reordered.every(([, ms], i) => i === 0 || ms >= reordered[i - 1]![1])).toBe(true);
  const delays = reordered.map(([item, ms]) => ms - item * 10);
  expect(Math.min(...delays)).toBeLessThan(2);
  expect(Math.max(...delays)).toBeGreaterThan(59);
});
