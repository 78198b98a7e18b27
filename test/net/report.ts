/** The outcome of many impaired calls as a table for a terminal. */
import type { ImpairedCall } from "./impaired-call.ts";

type Column = readonly [head: string, of: (call: ImpairedCall) => string];

/** Lowest first, by the height that pictures have at the most: 135, 270 and 540, or less from an encoder short of CPU. */
const LAYERS = [
  { name: "low", from: 0, to: 200 },
  { name: "mid", from: 200, to: 400 },
  { name: "high", from: 400, to: Number.POSITIVE_INFINITY },
] as const;

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const kbps = (bps: number): string => `${Math.round(bps / 1_000)}`;

const COLUMNS: readonly Column[] = [
  ["codec", ({ codec }) => codec],
  ["network", ({ impairment }) => impairment],
  ["freeze s/min", (call) => call.freezeSecondsPerMinute.toFixed(1)],
  ["still", ({ still }) => percent(still)],
  ["fps", ({ framesPerSecond }) => framesPerSecond.toFixed(1)],
  ["encoded", ({ encodedFps }) => encodedFps.toFixed(1)],
  ["buffered", ({ bufferedMs }) => `${Math.round(bufferedMs)} ms`],
  ["kbit/s", ({ receivedBps }) => kbps(receivedBps)],
  ["of capacity", (call) => (call.capacityBps === null ? "" : percent(call.receivedBps / call.capacityBps))],
  ...LAYERS.map(({ name, from, to }): Column => [name, ({ heights }) => percent(shareOf(heights, from, to))]),
  ["concealed", ({ concealed }) => `${(100 * concealed).toFixed(1)} %`],
  ["moves after", ({ recoveryMs }) => (recoveryMs === null ? "" : `${Math.round(recoveryMs)} ms`)],
  ["NACKs", ({ nacks }) => `${nacks}`],
  ["PLIs", ({ plis }) => `${plis}`],
  ["to publisher", ({ plisToPublisher }) => `${plisToPublisher}`],
  ["overflowed", ({ overflowed }) => `${overflowed}`],
  ["relay late", ({ relayLateP99Us }) => `${(relayLateP99Us / 1_000).toFixed(1)} ms`],
];

function shareOf(heights: ImpairedCall["heights"], from: number, to: number): number {
  return Object.entries(heights).reduce((sum, [height, share]) => {
    return Number(height) > from && Number(height) <= to ? sum + share : sum;
  }, 0);
}

export function reportTable(calls: readonly ImpairedCall[]): string {
  const rows = [COLUMNS.map(([head]) => head), ...calls.map((call) => COLUMNS.map(([, of]) => of(call)))];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        // The first two are words.
        .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
