/**
 * Requirements of the bandwidth estimator: runs on a simulated path, with the bounds of their measurements for every
 * seed.
 */

import {
  BandwidthRun,
  LAYERED_BPS,
  MBIT,
  type RunOptions,
  SECOND_US,
  type SourceKind,
} from "./bandwidth-run.ts";
import type { EstimatedFlow } from "./estimated-flow.ts";
import type { BottleneckOptions, GilbertElliott } from "./flow-bottleneck.ts";

export interface Measure {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Scenario {
  readonly name: string;
  run(seed: number): Measure[];
}

/** Bounds of the estimate as a share of the capacity, once it has converged. */
const NEAR = { atLeast: 0.85, atMost: 1.05 };

/** The estimate, and what may be sent: less than that while a queue is emptied. */
function near(run: BandwidthRun, when: string, atUs: number, bounds = NEAR): Measure[] {
  return [
    { what: `estimate${when}`, value: run.shareAt(atUs), ...bounds },
    { what: `may be sent${when}`, value: run.allowedShareAt(atUs), ...bounds },
  ];
}

function steps(source: SourceKind): Scenario {
  const capacity = [
    [0, 4 * MBIT],
    [25 * SECOND_US, 0.6 * MBIT],
    [45 * SECOND_US, 2 * MBIT],
  ] as const;
  return {
    name: `4, 0.6, 2 Mbit/s, ${source}`,
    run(seed) {
      const run = new BandwidthRun({ source, seed, capacity }).until(70 * SECOND_US);
      return [
        ...near(run, ", 20 s after start", 20 * SECOND_US),
        ...near(run, ", 8 s after 4 to 0.6", 33 * SECOND_US),
        ...near(run, ", 20 s after 0.6 to 2", 65 * SECOND_US),
        queueDelay(run),
      ];
    },
  };
}

/** A fall so deep that the queue overflows, and takes a second to drain. */
function fall(): Scenario {
  const capacity = [
    [0, 8 * MBIT],
    [15 * SECOND_US, MBIT],
  ] as const;
  return {
    name: "8, 1 Mbit/s, greedy",
    run(seed) {
      const run = new BandwidthRun({ source: "greedy", seed, capacity }).until(25 * SECOND_US);
      return near(run, ", 8 s after 8 to 1", 23 * SECOND_US);
    },
  };
}

/** A viewer of layered video on a line with more capacity than wanted. Returns the run and what is sent after 20 s. */
function onLossyLine(seed: number, loss: number | GilbertElliott, untilUs: number): [BandwidthRun, number] {
  const run = new BandwidthRun({ source: "layered", seed, capacity: [[0, 20 * MBIT]], loss });
  const before = run.until(20 * SECOND_US).flows[0]!.sentBytes;
  const sentBytes = run.until(untilUs).flows[0]!.sentBytes - before;
  return [run, (sentBytes * 8 * SECOND_US) / (untilUs - 20 * SECOND_US)];
}

/** Losses that do not depend on the rate. */
function lossy(name: string, loss: number | GilbertElliott): Scenario {
  return {
    name: `${name} lost, 20 Mbit/s`,
    run(seed) {
      const [run, sentBps] = onLossyLine(seed, loss, 50 * SECOND_US);
      const leastBps = run.leastBps(20 * SECOND_US, 50 * SECOND_US);
      return [
        { what: "estimate / sent, least of 30 s", value: leastBps / sentBps, atLeast: 0.9 },
        { what: "sent / everything wanted", value: sentBps / LAYERED_BPS, atLeast: 0.95 },
      ];
    },
  };
}

/** So many losses that only lowering the rate shows that they do not depend on it. */
function veryLossy(name: string, loss: number): Scenario {
  return {
    name: `${name} lost, 20 Mbit/s`,
    run(seed) {
      const [, sentBps] = onLossyLine(seed, loss, 60 * SECOND_US);
      return [{ what: "sent / everything wanted", value: sentBps / LAYERED_BPS, atLeast: 0.7 }];
    },
  };
}

/** Several flows, and a capacity that falls so far that each loses most: none may take that for random loss. */
function crowded(): Scenario {
  const capacity = [
    [0, 8 * MBIT],
    [20 * SECOND_US, 4 * MBIT],
  ] as const;
  return {
    name: "eight flows, 8, 4 Mbit/s, queue of 25 ms",
    run(seed) {
      const startsUs = Array.from({ length: 8 }, (_, i) => i * 700_000);
      const run = new BandwidthRun({ source: "greedy", seed, startsUs, capacity, queueBytes: 12_500 });
      const total = (count: (flow: EstimatedFlow) => number): number =>
        run.flows.reduce((sum, flow) => sum + count(flow), 0);
      run.until(25 * SECOND_US);
      const sent = total((flow) => flow.sentBytes);
      const received = total((flow) => flow.receivedBytes);
      run.until(60 * SECOND_US);
      const sentBytes = total((flow) => flow.sentBytes) - sent;
      const share = 1 - (total((flow) => flow.receivedBytes) - received) / sentBytes;
      return [{ what: "share lost", value: share, atMost: 0.25 }];
    },
  };
}

/** Losses caused by the rate, with hardly any queueing delay. */
function shortQueue(): Scenario {
  const capacityBps = 2 * MBIT;
  return {
    name: "queue of 25 ms, 2 Mbit/s, greedy",
    run(seed) {
      const options = { capacity: [[0, capacityBps]] as const, queueBytes: (capacityBps / 8) * 0.025 };
      const run = new BandwidthRun({ source: "greedy", seed, ...options }).until(20 * SECOND_US);
      const flow = run.flows[0]!;
      const [sent, received] = [flow.sentBytes, flow.receivedBytes];
      run.until(60 * SECOND_US);
      const sentBytes = flow.sentBytes - sent;
      return [
        { what: "sent / capacity", value: (sentBytes * 8) / 40 / capacityBps, atLeast: 0.85, atMost: 1.1 },
        { what: "share lost", value: 1 - (flow.receivedBytes - received) / sentBytes, atMost: 0.06 },
      ];
    },
  };
}

function jitter(reorders: boolean, source: SourceKind): Scenario {
  return {
    name: `jitter ±30 ms ${reorders ? "with reordering" : "in order"}, ${source}`,
    run(seed) {
      const run = new BandwidthRun({ source, seed, jitterUs: 60_000, reorders }).until(60 * SECOND_US);
      const value = run.meanBps(30 * SECOND_US, 60 * SECOND_US) / (4 * MBIT);
      return [{ what: "estimate, mean of 30 s", value, atLeast: 0.5, atMost: 1.1 }];
    },
  };
}

/** An outage in both directions; or, with `stalls`, a link that stops sending and keeps its queue. */
function blackout(stalls: boolean): Scenario {
  const [fromUs, toUs] = [20 * SECOND_US, 23 * SECOND_US];
  const path = stalls
    ? ({
        capacity: [
          [0, 3 * MBIT],
          [fromUs, 0],
          [toUs, 3 * MBIT],
        ],
      } as const)
    : ({ capacity: [[0, 3 * MBIT]], outages: [[fromUs, toUs]] } as const);
  return {
    name: `3 s ${stalls ? "stalled" : "black"}, 3 Mbit/s, greedy`,
    run(seed) {
      const run = new BandwidthRun({ source: "greedy", seed, ...path }).until(30 * SECOND_US);
      const before = run.meanBps(fromUs - SECOND_US, fromUs);
      const end = run.meanBps(toUs - 100_000, toUs);
      return [
        { what: "estimate at the end of it / before", value: end / before, atMost: 0.2 },
        { what: "s until 80 % of before", value: run.secondsUntil(0.8 * before, toUs), atMost: 2 },
      ];
    },
  };
}

function start(source: SourceKind): Scenario {
  const capacityBps = 2.5 * MBIT;
  return {
    name: `start, 2.5 Mbit/s, ${source}`,
    run(seed) {
      const run = new BandwidthRun({ source, seed, capacity: [[0, capacityBps]] }).until(10 * SECOND_US);
      return [
        { what: "s until 90 % of capacity", value: run.secondsUntil(0.9 * capacityBps, 0), atMost: 3 },
        ...near(run, " after 8 s", 8 * SECOND_US, { atLeast: 0.8, atMost: 1.1 }),
      ];
    },
  };
}

function rivals(source: SourceKind): Scenario {
  return {
    name: `two flows, one 15 s later, 4 Mbit/s, ${source}`,
    run(seed) {
      const run = new BandwidthRun({ source, seed, startsUs: [0, 15 * SECOND_US] }).until(30 * SECOND_US);
      const before = run.flows.map(({ receivedBytes }) => receivedBytes);
      run.until(90 * SECOND_US);
      const bps = run.flows.map(({ receivedBytes }, i) => ((receivedBytes - before[i]!) * 8) / 60);
      const bothBps = bps.reduce((sum, one) => sum + one, 0);
      return [
        { what: "larger / smaller share", value: Math.max(...bps) / Math.min(...bps), atMost: 3 },
        { what: "both / capacity", value: bothBps / (4 * MBIT), atLeast: 0.8 },
        queueDelay(run),
      ];
    },
  };
}

function besideTcp(): Scenario {
  return {
    name: "beside a TCP download, 4 Mbit/s, layered",
    run(seed) {
      const run = new BandwidthRun({ source: "layered", seed, tcpStartUs: 10 * SECOND_US }).until(
        20 * SECOND_US,
      );
      const ours = run.flows[0]!;
      const theirs = run.tcp!;
      const [ourBytes, theirBytes] = [ours.receivedBytes, theirs.receivedBytes];
      run.until(80 * SECOND_US);
      const share = (bytes: number): number => (bytes * 8) / 60 / (4 * MBIT);
      return [
        { what: "our share of capacity", value: share(ours.receivedBytes - ourBytes), atLeast: 0.15 },
        { what: "its share of capacity", value: share(theirs.receivedBytes - theirBytes), atLeast: 0.25 },
      ];
    },
  };
}

/** A path that differs from the others in one property. */
function odd(name: string, options: Partial<RunOptions>): Scenario {
  return {
    name,
    run(seed) {
      const run = new BandwidthRun({ source: "layered", seed, ...options }).until(60 * SECOND_US);
      const bps = run.meanBps(30 * SECOND_US, 60 * SECOND_US);
      return [
        { what: "estimate, mean of 30 s", value: bps / run.link.capacityBps(60 * SECOND_US), ...NEAR },
        queueDelay(run),
      ];
    },
  };
}

/** A radio link that stalls for `forUs` every three seconds. */
function standingStill(bps: number, forUs: number): BottleneckOptions["capacity"] {
  const from = Array.from({ length: 20 }, (_, i) => 3 * i * SECOND_US);
  return from.flatMap((fromUs) => [[fromUs, 0] as const, [fromUs + forUs, bps] as const]);
}

function queueDelay(run: BandwidthRun): Measure {
  return { what: "queue delay p95, ms", value: run.queuePercentileMs(0.95), atMost: 200 };
}

const IN_BURSTS: GilbertElliott = { toBad: 0.01, toGood: 0.2, lossInGood: 0.002, lossInBad: 0.5 };

export const SCENARIOS: readonly Scenario[] = [
  steps("greedy"),
  steps("layered"),
  fall(),
  lossy("2 %", 0.02),
  lossy("10 %", 0.1),
  lossy("2.5 % in bursts", IN_BURSTS),
  veryLossy("20 %", 0.2),
  veryLossy("30 %", 0.3),
  shortQueue(),
  jitter(true, "greedy"),
  jitter(true, "layered"),
  jitter(false, "greedy"),
  jitter(false, "layered"),
  blackout(false),
  blackout(true),
  start("greedy"),
  start("layered"),
  rivals("greedy"),
  rivals("layered"),
  crowded(),
  besideTcp(),
  odd("1 ms away", { delayUs: 500 }),
  odd("250 ms away", { delayUs: 250_000 }),
  odd("200 kbit/s", { capacity: [[0, 200_000]] }),
  odd("queue of a second", { queueBytes: 500_000 }),
  odd("a fifth of feedback lost", { feedbackLoss: 0.2 }),
  odd("clocks 200 ppm apart", { driftPpm: 200 }),
  odd("3 Mbit/s that stand still for 150 ms", { capacity: standingStill(3 * MBIT, 150_000) }),
  odd("1 Mbit/s that stands still for 150 ms", { capacity: standingStill(MBIT, 150_000) }),
  odd("80 ms longer after 25 s", { delayUs: 20_000, longer: { fromUs: 25 * SECOND_US, byUs: 80_000 } }),
];
