/** Probes: when and how fast, the bursts that are sent, and the rate that they are found to get through at. */
import { describe, expect, test } from "vitest";
import type { Acknowledgements } from "../../src/cc/acknowledgements.ts";
import { ProbeCluster } from "../../src/cc/probe-cluster.ts";
import { ProbeMeasurement } from "../../src/cc/probe-measurement.ts";
import { ProbePlanner } from "../../src/cc/probe-planner.ts";

const MS = 1_000;
const KBPS = 1_000;
const SECOND_US = 1_000_000;
const NEVER = Number.NEGATIVE_INFINITY;

describe("a cluster", () => {
  /** Bytes due at each tick of 10 ms, `packet` bytes at a time being sent until nothing is due. */
  function send(cluster: ProbeCluster, packet: number, ticks: number): number[] {
    let extSeq = 100;
    return Array.from({ length: ticks }, (_, tick) => {
      const nowUs = 5_000 * MS + tick * 10 * MS;
      const due = cluster.bytesDue(nowUs);
      while (cluster.bytesDue(nowUs) > 0) cluster.onSent(extSeq++, packet, nowUs);
      return due;
    });
  }

  test("sends what its rate allows until the next tick, four bursts", () => {
    const cluster = new ProbeCluster();
    expect(cluster.bytesDue(0)).toBe(0);
    cluster.start(1_600 * KBPS, 30 * MS, 100, 5_000 * MS);
    expect(send(cluster, 500, 5)).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
    // The packets of the fifth burst show that the fourth was the last.
    expect([cluster.sending, cluster.complete]).toEqual([false, true]);
    expect([cluster.firstExtSeq, cluster.lastExtSeq]).toEqual([100, 115]);
    expect([cluster.lastUs - cluster.firstUs, cluster.bytesAfterFirst]).toEqual([30 * MS, 6_000]);
  });

  test("has as many bursts at a rate of one packet in three ticks", () => {
    const cluster = new ProbeCluster();
    for (const probe of ["first", "next"]) {
      cluster.start(320 * KBPS, 30 * MS, 100, 5_000 * MS);
      const due = send(cluster, 1_200, 12).map((bytes) => bytes > 0);
      const expected = [true, false, false, true, false, false, true, false, false, true];
      expect(due.slice(0, 10), probe).toEqual(expected);
      expect(cluster.complete).toBe(true);
    }
  });

  test("counts media of the time as its own, wherever it falls", () => {
    const cluster = new ProbeCluster();
    cluster.start(1_600 * KBPS, 30 * MS, 100, 5_000 * MS);
    cluster.onSent(100, 1_500, 5_000 * MS);
    expect(cluster.bytesDue(5_000 * MS)).toBe(500);
    cluster.onSent(101, 500, 5_000 * MS);
    cluster.onSent(102, 1_000, 5_004 * MS);
    expect(cluster.bytesDue(5_010 * MS)).toBe(1_000);
  });

  test("lasts as long as it is told to", () => {
    const cluster = new ProbeCluster();
    cluster.start(1_600 * KBPS, 100 * MS, 100, 5_000 * MS);
    expect(send(cluster, 500, 12).filter((bytes) => bytes > 0)).toHaveLength(12);
    expect(cluster.lastUs - cluster.firstUs).toBe(100 * MS);
  });

  test("is overdue when nobody can send it", () => {
    const cluster = new ProbeCluster();
    cluster.start(1_600 * KBPS, 30 * MS, 100, 5_000 * MS);
    expect([cluster.isOverdue(5_400 * MS), cluster.isOverdue(5_401 * MS)]).toEqual([false, true]);
    expect(cluster.complete).toBe(false);
  });
});

/** A probe of four bursts of 2,000 bytes, 10 ms apart: 1,600 kbit/s. Arrivals in ms of the packets, two a burst. */
test.each([
  { name: "as sent", arrivals: [50, 50, 60, 60, 70, 70, 80, 80], kbps: 1_600, full: false },
  { name: "a link of 800 kbit/s", arrivals: [50, 60, 70, 80, 90, 100, 110, 120], kbps: 760, full: true },
  { name: "a little slower", arrivals: [50, 51, 61, 62, 72, 73, 83, 83.5], kbps: 1_477, full: false },
  {
    name: "faster: no more than was sent",
    arrivals: [50, 51, 58, 58, 65, 66, 74, 74],
    kbps: 1_600,
    full: false,
  },
  { name: "at once: no rate", arrivals: [50, 70, 71, 72, 73, 74, 75, 76], kbps: 0, full: false },
  {
    name: "half of it without a report",
    arrivals: [50, 50, 60, null, 70, null, null, 80],
    kbps: 0,
    full: false,
  },
  { name: "half of it dropped", arrivals: [50, 52, 60, "x", 70, "x", "x", 82], kbps: 760, full: true },
  { name: "one packet dropped", arrivals: [50, 50, 60, "x", 70, 70, 80, 80], kbps: 1_267, full: true },
  { name: "nothing", arrivals: Array(8).fill("x"), kbps: 0, full: false },
  {
    name: "a third dropped, as of all that is sent",
    arrivals: [50, 50, 60, "x", 70, 70, 80, "x"],
    inherentLoss: 1 / 3,
    kbps: 1_600,
    full: false,
  },
  {
    name: "what follows a dropped burst",
    arrivals: ["x", "x", 60, 60, 70, 70, 80, 80],
    kbps: 0,
    full: false,
  },
])("a measurement of $name", ({ arrivals, inherentLoss = 0, kbps, full }) => {
  const cluster = new ProbeCluster();
  const measurement = new ProbeMeasurement();
  /** Returns the result in kbit/s. */
  const probe = (
    startUs: number,
    arrivals: readonly (number | string | null)[],
    inherentLoss: number,
  ): number => {
    cluster.start(1_600 * KBPS, 30 * MS, 0, startUs);
    measurement.start();
    const sentUs = (packet: number): number => startUs + (packet >> 1) * 10 * MS;
    for (let packet = 0; packet < 8; packet++) cluster.onSent(packet, 1_000, sentUs(packet));
    let lostBytes = 0;
    arrivals.forEach((arrivalMs, packet) => {
      if (arrivalMs === "x" && packet > 1) lostBytes += 1_000;
      if (typeof arrivalMs !== "number") return;
      const arrivalUs = startUs + arrivalMs * MS;
      const ack = { sentUs: sentUs(packet), arrivalUs, bytes: 1_000, unreportedBytes: 0 };
      measurement.onReceived(ack as Acknowledgements, cluster);
    });
    return Math.round(measurement.resultBps(cluster, lostBytes, inherentLoss) / KBPS);
  };
  // Of a probe before nothing is left.
  expect(probe(0, [50, 60, 70, 80, 90, 100, 110, 120], 0)).toBe(760);
  expect([probe(SECOND_US, arrivals, inherentLoss), measurement.full]).toEqual([kbps, full]);
});

describe("a planner", () => {
  interface Row {
    readonly atMs: number;
    readonly first?: number;
    readonly outage?: number;
    readonly wants?: number;
    readonly result?: number;
    /** Target and the probe that is to be sent, in kbit/s. */
    readonly target: number;
    readonly probe: number;
    readonly decreasedMs?: number;
    readonly limited?: boolean;
  }

  test.each<{ name: string; rows: Row[] }>([
    {
      name: "wants nothing, probes nothing",
      rows: [
        { atMs: 0, first: 600, target: 600, probe: 0 },
        { atMs: 60_000, target: 600, probe: 0 },
      ],
    },
    {
      name: "begins boldly and doubles until a probe does not get through",
      rows: [
        { atMs: 0, first: 600, wants: 8_000, target: 600, probe: 1_800 },
        { atMs: 100, result: 1_800, target: 600, probe: 3_600 },
        { atMs: 200, result: 2_400, target: 1_800, probe: 0 },
        { atMs: 3_100, target: 2_400, probe: 0 },
        { atMs: 3_200, target: 2_400, probe: 4_800 },
      ],
    },
    {
      name: "ends where no more is wanted",
      rows: [
        { atMs: 0, first: 600, wants: 1_000, target: 600, probe: 1_100 },
        { atMs: 100, result: 1_100, target: 600, probe: 2_200 / 2 },
        { atMs: 200, target: 1_100, probe: 0 },
      ],
    },
    {
      name: "waits longer after each that found nothing, to a limit",
      rows: [
        { atMs: 0, wants: 8_000, target: 600, probe: 1_200 },
        { atMs: 100, result: 580, target: 600, probe: 0 },
        { atMs: 6_099, target: 600, probe: 0 },
        { atMs: 6_100, target: 600, probe: 1_200 },
        { atMs: 6_200, result: 580, target: 600, probe: 0 },
        { atMs: 18_199, target: 600, probe: 0 },
        { atMs: 18_200, result: 580, target: 600, probe: 0 },
        { atMs: 30_199, target: 600, probe: 0 },
        { atMs: 30_200, target: 600, probe: 1_200 },
      ],
    },
    {
      name: "asks anew when much more is wanted",
      rows: [
        { atMs: 0, wants: 800, target: 600, probe: 880 },
        { atMs: 100, result: 580, target: 600, probe: 0 },
        { atMs: 200, wants: 1_000, target: 600, probe: 0 },
        { atMs: 300, wants: 1_600, target: 600, probe: 1_200 },
      ],
    },
    {
      name: "repeats a probe of which nothing can be told, twice",
      rows: [
        { atMs: 0, wants: 8_000, target: 600, probe: 1_200 },
        { atMs: 100, result: 0, target: 600, probe: 1_200 },
        { atMs: 200, result: 0, target: 600, probe: 1_200 },
        { atMs: 300, result: 0, target: 600, probe: 0 },
        { atMs: 3_300, target: 600, probe: 1_200 },
      ],
    },
    {
      name: "does not repeat what a decrease has made void",
      rows: [
        { atMs: 10_000, wants: 8_000, target: 4_000, probe: 8_000 },
        { atMs: 11_000, result: 0, target: 600, decreasedMs: 10_500, probe: 0 },
        { atMs: 14_000, target: 600, decreasedMs: 10_500, probe: 1_200 },
      ],
    },
    {
      name: "leaves the path alone after a decrease, for longer while the rate grows of itself",
      rows: [
        { atMs: 10_000, wants: 8_000, target: 600, decreasedMs: 8_000, limited: true, probe: 0 },
        { atMs: 11_000, target: 600, decreasedMs: 8_000, limited: true, probe: 1_200 },
        { atMs: 11_100, result: 1_200, target: 600, probe: 2_400 },
        { atMs: 11_200, result: 700, target: 600, probe: 0 },
        { atMs: 23_000, target: 600, decreasedMs: 18_000, limited: false, probe: 0 },
        { atMs: 26_000, target: 600, decreasedMs: 18_000, limited: false, probe: 1_200 },
      ],
    },
    {
      name: "after an outage tries at once what was before it",
      rows: [
        { atMs: 0, wants: 8_000, target: 600, probe: 1_200 },
        { atMs: 5_000, outage: 3_000, target: 50, decreasedMs: 4_900, probe: 3_000 },
      ],
    },
  ])("$name", ({ rows }) => {
    const planner = new ProbePlanner();
    for (const row of rows) {
      const { atMs, first, outage, wants, result, target, probe, decreasedMs, limited = true } = row;
      if (first !== undefined) planner.onFirstFeedback(first * KBPS, atMs * MS);
      if (outage !== undefined) planner.onOutageEnd(outage * KBPS, atMs * MS);
      if (wants !== undefined) planner.wants(wants * KBPS);
      if (result !== undefined) planner.onResult(result * KBPS, target * KBPS, atMs * MS);
      const decreasedUs = decreasedMs === undefined ? NEVER : decreasedMs * MS;
      const rateBps = planner.next(target * KBPS, limited, { decreasedUs, doubtedUs: NEVER }, atMs * MS);
      expect(Math.round(rateBps / KBPS), `at ${atMs} ms`).toBe(probe);
    }
  });

  test("a probe is never faster than what is wanted, and a little", () => {
    const planner = new ProbePlanner();
    planner.wants(700 * KBPS);
    expect(planner.next(600 * KBPS, true, { decreasedUs: NEVER, doubtedUs: NEVER }, SECOND_US)).toBeCloseTo(
      770 * KBPS,
    );
  });
});
