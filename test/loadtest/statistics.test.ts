/** Goal: what a run reports follows from what came, by tables of packets. */
import { expect, test } from "vitest";
import { DelayHistogram } from "../../loadtest/measure/delay-histogram.ts";
import { LayerAudit, missingIn } from "../../loadtest/measure/layer-audit.ts";
import { SequenceTally } from "../../loadtest/measure/sequence-tally.ts";
import { type ServerReading, serverSeconds } from "../../loadtest/measure/server-load.ts";
import { quantilesOf } from "../../loadtest/result.ts";

// Numbers in order of arrival; "r" came as a retransmission.
test.each([
  { name: "in order", packets: "5 6 7", tally: { received: 3, gaps: 0, lost: 0 } },
  { name: "two lost", packets: "5 8 9", tally: { received: 3, gaps: 2, lost: 2 } },
  { name: "one repaired", packets: "5 8 6r 9", tally: { gaps: 2, repaired: 1, lost: 1 } },
  { name: "overtaken", packets: "5 7 6 8", tally: { gaps: 1, outOfOrder: 1, repaired: 0, lost: 0 } },
  {
    name: "repaired twice",
    packets: "5 7 6r 6r",
    tally: { received: 3, repaired: 1, duplicates: 1, lost: 0 },
  },
  { name: "late after its repair", packets: "5 7 6r 6", tally: { outOfOrder: 0, duplicates: 1, lost: 0 } },
  { name: "across a wrap", packets: "65535 65538 65536", tally: { gaps: 2, outOfOrder: 1, lost: 1 } },
])("sequence numbers $name", ({ packets, tally }) => {
  const tallied = new SequenceTally();
  for (const packet of packets.split(" "))
    tallied.onPacket(Number.parseInt(packet, 10), packet.endsWith("r"));
  expect(tallied).toMatchObject(tally);
});

// "layer.number" of a video of three layers; `sent`: how many of the top layer the publisher made.
test.each([
  { name: "all of the top layer", packets: "2.7 2.8 2.9", sent: 10, svc: false, missing: 0 },
  { name: "one in the middle", packets: "2.7 2.9", sent: 10, svc: false, missing: 1 },
  { name: "the last two", packets: "2.7 2.8 2.9", sent: 12, svc: false, missing: 2 },
  { name: "late, and from before the first", packets: "2.7 2.6 2.9 2.8", sent: 10, svc: false, missing: 0 },
  { name: "nothing of the lower layers", packets: "0.1 0.2 1.5", sent: 10, svc: false, missing: 0 },
  {
    name: "lower layers of key pictures",
    packets: "0.1 1.1 2.1 0.5 1.5 2.2",
    sent: 3,
    svc: true,
    missing: 0,
  },
])("the audit finds missing: $name", ({ packets, sent, svc, missing }) => {
  const audit = new LayerAudit();
  for (const packet of packets.split(" ")) {
    const [layer = 0, number = 0] = packet.split(".").map(Number);
    audit.onPacket({ sentUs: 0, publisher: 3, layer, layers: 3, number }, svc);
  }
  expect(missingIn(audit.runs, () => sent)).toBe(missing);
  expect(missingIn(audit.runs, () => undefined)).toBeLessThanOrEqual(missing);
});

test("an encoding that was left and taken up again was not missing meanwhile", () => {
  const audit = new LayerAudit();
  const receive = (layer: number, from: number, to: number): void => {
    for (let number = from; number < to; number++) {
      audit.onPacket({ sentUs: 0, publisher: 3, layer, layers: 3, number }, false);
    }
  };
  receive(2, 0, 100);
  receive(0, 50, 90);
  receive(2, 300, 320);
  expect(missingIn(audit.runs, () => 320)).toBe(0);
  expect(missingIn(audit.runs, () => 321)).toBe(1);
  receive(1, 600, 640);
  expect(missingIn(audit.runs, () => 900)).toBe(0);
});

test("percentiles of delays are at most six per cent too high, also when merged", () => {
  const [one, other] = [new DelayHistogram(), new DelayHistogram()];
  for (let us = 1; us <= 10_000; us++) (us % 2 === 0 ? one : other).add(us);
  one.merge(other);
  expect(one.count).toBe(10_000);
  for (const [quantile, us] of [
    [0.01, 100],
    [0.5, 5_000],
    [0.99, 9_900],
    [1, 10_000],
  ] as const) {
    expect(one.quantileUs(quantile) / us).toBeGreaterThanOrEqual(1);
    expect(one.quantileUs(quantile) / us).toBeLessThan(1.06);
  }
});

test("a histogram takes what is out of its range, and has no percentile without a delay", () => {
  const delays = new DelayHistogram();
  expect(delays.quantileUs(0.5)).toBeNaN();
  for (const us of [-5, 0, 1e12]) delays.add(us);
  expect(delays.count).toBe(3);
  expect(delays.quantileUs(0.5)).toBe(1);
  expect(delays.quantileUs(1)).toBe(2 ** 26);
});

test.each([
  { name: "right after another", atMs: [0, 1_000, 2_000, 2_010], seconds: [1, 2.01] },
  { name: "on its own", atMs: [0, 1_000, 1_900], seconds: [1, 1.9] },
  { name: "right after the first", atMs: [0, 10], seconds: [0.01] },
])("a last reading of the server $name makes no second of its own", ({ atMs, seconds }) => {
  // CPU time comes in steps, as clocks of the kernel tick.
  const readings = atMs.map((ms): ServerReading => {
    const cpuSeconds = Math.ceil(ms / 100) / 20;
    return { atUs: ms * 1_000, cpuSeconds, residentBytes: 1, threads: {}, dropped: {}, sentPackets: 0 };
  });
  const found = serverSeconds(readings, 0);
  expect(found.map(({ second }) => second)).toEqual(seconds);
  if (seconds.length > 1) for (const { cpuCores } of found) expect(cpuCores).toBeCloseTo(0.5, 1);
});

test("quantiles are values that occurred", () => {
  expect(quantilesOf([30, 10, 20, 40])).toEqual({ count: 4, p50: 20, p90: 40, p99: 40, max: 40 });
  expect(quantilesOf([])).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, max: 0 });
});
