/** The plots of a result. */
import type { JoinResult, RunResult, SecondResult } from "../result.ts";
import { plot, type Series } from "./plot.ts";

const SECONDS = "seconds measured";
const MIB = 2 ** 20;

export function plotsOf(result: RunResult): string[] {
  return [delayPlot(result), bitratePlot(result), lossPlot(result), joinPlot(result), ...serverPlots(result)];
}

/** One value for each second, drawn at its middle. */
function overSeconds(
  seconds: readonly SecondResult[],
  of: (second: SecondResult) => number | null,
): Series["points"] {
  return seconds.map((one) => ({ x: one.second + 0.5, y: of(one) }));
}

function delayPlot({ seconds }: RunResult): string {
  return plot({
    title: "One-way delay",
    caption: "From sealing at the publisher to opening at the subscriber, all packets of each second.",
    xLabel: SECONDS,
    unit: "ms",
    kind: "lines",
    series: [
      { name: "p50", color: 1, points: overSeconds(seconds, ({ delayP50Ms }) => delayP50Ms) },
      { name: "p99", color: 2, points: overSeconds(seconds, ({ delayP99Ms }) => delayP99Ms) },
    ],
  });
}

function bitratePlot({ seconds, layers }: RunResult): string {
  const series = layers.map((name, layer) => ({
    name,
    color: layer + 1,
    points: overSeconds(seconds, ({ receivedBps }) => receivedBps[layer]! / 1_000_000),
  }));
  return plot({
    title: "Received, by layer",
    caption: "RTP of all subscribers together; video layers are counted from the lowest.",
    xLabel: SECONDS,
    unit: "Mbit/s",
    kind: "stacked",
    series: series.filter(({ points }) => points.some(({ y }) => y !== 0)),
  });
}

function lossPlot({ seconds }: RunResult): string {
  return plot({
    title: "Gaps and repair",
    caption: "Numbers passed over, and those filled by a retransmission or a late packet, of all expected.",
    xLabel: SECONDS,
    unit: "%",
    kind: "lines",
    series: [
      { name: "gaps", color: 2, points: overSeconds(seconds, ({ gapRatio }) => 100 * gapRatio) },
      { name: "filled", color: 3, points: overSeconds(seconds, ({ filledRatio }) => 100 * filledRatio) },
    ],
  });
}

function joinPlot({ joins }: RunResult): string {
  const points = (role: JoinResult["role"], of: (join: JoinResult) => number | null): Series["points"] =>
    joins
      .filter((join) => join.role === role)
      .map((join) => ({
        x: join.startMs / 1000,
        y: of(join),
        note: `${role} ${join.index}: ${join.failure ?? `${of(join)?.toFixed(0)} ms`}`,
      }));
  return plot({
    title: "Time to join",
    caption: "Of each client that did, by when it started: from its first request.",
    xLabel: "seconds since the first",
    unit: "ms",
    kind: "points",
    series: [
      { name: "publisher, secure", color: 1, points: points("publisher", ({ secureMs }) => secureMs) },
      { name: "subscriber, secure", color: 3, points: points("subscriber", ({ secureMs }) => secureMs) },
      { name: "subscriber, first media", color: 2, points: points("subscriber", (one) => one.firstMediaMs) },
    ],
  });
}

function serverPlots({ server, generators }: RunResult): string[] {
  const { seconds } = server;
  const threads = [...new Set(seconds.flatMap((one) => Object.keys(one.threads)))];
  const cpu = (name: string, color: number, of: (one: (typeof seconds)[number]) => number): Series => ({
    name,
    color,
    points: seconds.map((one) => ({ x: one.second, y: of(one) })),
  });
  const used = generators.reduce((sum, { cpuCores }) => sum + cpuCores, 0);
  return [
    plot({
      title: "Server CPU",
      caption: `Cores in use. The generators took ${used.toFixed(2)} cores of their machine on average.`,
      xLabel: SECONDS,
      unit: "cores",
      kind: "lines",
      series: [
        cpu("whole process", 1, ({ cpuCores }) => cpuCores),
        ...threads
          .slice(0, 4)
          .map((thread, i) => cpu(`thread ${thread}`, i + 2, (one) => one.threads[thread] ?? 0)),
      ],
    }),
    plot({
      title: "Server memory",
      caption: "Resident, of the whole process.",
      xLabel: SECONDS,
      unit: "MiB",
      kind: "lines",
      series: [cpu("resident", 1, ({ residentBytes }) => residentBytes / MIB)],
    }),
  ];
}
