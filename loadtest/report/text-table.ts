/** The result as rows of a name and a sentence, for a terminal and for the page. */
import type { Quantiles, RunResult, StreamTotals } from "../result.ts";

export function textTable(result: RunResult): string {
  const rows = resultRows(result);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}

export function resultRows(result: RunResult): (readonly [string, string])[] {
  const { clients, join, published, received, delay, server, generators, failures } = result;
  const seconds = Math.max(1, result.seconds.length);
  const rate = (of: (second: RunResult["seconds"][number]) => number): number =>
    result.seconds.reduce((sum, one) => sum + of(one), 0) / seconds;
  const receivedBps = rate(({ receivedBps }) => receivedBps.reduce((sum, one) => sum + one, 0));
  return [
    ["clients", `${clients.publishers} publish, ${clients.subscribers} watch, ${clients.failed} failed`],
    ...failures.map(
      ({ reason, count, afterJoin, detail }) =>
        [`  ${reason}`, `${count}${afterJoin ? " after joining" : ""} ${detail}`.trimEnd()] as const,
    ),
    ["join, publishers secure", milliseconds(join.publisherSecure)],
    ["join, subscribers secure", milliseconds(join.subscriberSecure)],
    ["join, first media", milliseconds(join.subscriberFirstMedia)],
    ["sent", `${round(rate((one) => one.sentPackets))} packets/s, ${megabits(rate((one) => one.sentBps))}`],
    ["received", `${round(rate((one) => one.receivedPackets))} packets/s, ${megabits(receivedBps)}`],
    ["delay", milliseconds(delay)],
    ["video", streams(received.video)],
    ["audio", streams(received.audio)],
    [
      "way up",
      `${published.lostUp} lost before repair, ${published.resent} of ${published.nacked} asked for sent again, ` +
        `${published.keyframes} key frames, ${published.skippedPictures} pictures skipped`,
    ],
    ...serverRows(server),
    ...generators.map(
      (one, i) =>
        [
          `generator ${i + 1}`,
          `${one.clients} clients, ${one.cpuCores.toFixed(2)} cores, late p50 ${one.latenessP50Ms.toFixed(1)} ` +
            `p99 ${one.latenessP99Ms.toFixed(1)} ms, its sockets dropped ${one.socketDrops ?? "an unknown number"}`,
        ] as const,
    ),
  ];
}

function serverRows({
  seconds,
  dropped,
  cpuCores,
  sentPerSecond,
  cpuUsPerSentPacket,
}: RunResult["server"]): [string, string][] {
  if (seconds.length === 0) return [["server", "its metrics could not be read"]];
  const memory = Math.max(...seconds.map(({ residentBytes }) => residentBytes)) / 2 ** 20;
  const perPacket = cpuUsPerSentPacket === null ? "" : ` at ${cpuUsPerSentPacket.toFixed(1)} µs of CPU each`;
  const reasons = Object.entries(dropped).map(([reason, count]) => `${reason} ${count}`);
  return [
    [
      "server",
      `sent ${round(sentPerSecond ?? 0)} packets/s${perPacket}, ${(cpuCores ?? 0).toFixed(2)} cores, ${Math.round(memory)} MiB`,
    ],
    ["server dropped", reasons.length === 0 ? "nothing" : reasons.join(", ")],
  ];
}

function streams({ streams: count, received, gaps, repaired, lost, missing, ...rest }: StreamTotals): string {
  if (count === 0) return "none came";
  return (
    `${count} streams, ${received} packets; ${gaps} gaps (${percent(gaps, received + lost)}), ${repaired} repaired, ` +
    `${rest.outOfOrder} out of order, ${rest.duplicates} twice; ` +
    `lost ${lost} (${percent(lost, received + lost)})${missing === null ? "" : `, missing ${missing}`}`
  );
}

function milliseconds({ count, p50, p90, p99, max }: Quantiles): string {
  if (count === 0) return "none";
  const [a, b, c, d] = [p50, p90, p99, max].map((value) => value.toFixed(value < 10 ? 2 : 0));
  return `p50 ${a}, p90 ${b}, p99 ${c}, max ${d} ms`;
}

export const percent = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(1, whole)).toFixed(3)} %`;
const megabits = (bps: number): string => `${(bps / 1_000_000).toFixed(1)} Mbit/s`;
const round = (value: number): string => Math.round(value).toLocaleString("en");
