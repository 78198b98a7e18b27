/** The server's own metrics while it is under load: scraped from its /metrics once a second. */
import { parsePrometheusText } from "./prometheus-text.ts";

/** Longer than a scrape of a busy server, shorter than the interval. */
const SCRAPE_LIMIT_MS = 900;

/** Rates over less time are meaningless: CPU time is counted in steps of milliseconds. */
const LEAST_INTERVAL_US = 500_000;

export interface ServerReading {
  readonly atUs: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** By thread: CPU seconds. */
  readonly threads: Readonly<Record<string, number>>;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly sentPackets: number;
}

export interface ServerSecond {
  readonly second: number;
  /** Cores used since the previous reading, by the whole process. */
  readonly cpuCores: number;
  readonly residentBytes: number;
  readonly threads: Readonly<Record<string, number>>;
}

/** Undefined when the server does not answer in time: the plot then has a gap. */
export async function readServer(url: string, clock: () => number): Promise<ServerReading | undefined> {
  try {
    const reply = await fetch(new URL("/metrics", url), { signal: AbortSignal.timeout(SCRAPE_LIMIT_MS) });
    return reply.ok ? readingOf(parsePrometheusText(await reply.text()), clock()) : undefined;
  } catch {
    return undefined;
  }
}

function readingOf(samples: ReadonlyMap<string, number>, atUs: number): ServerReading {
  return {
    atUs,
    cpuSeconds: samples.get("process_cpu_seconds_total") ?? 0,
    residentBytes: samples.get("process_resident_memory_bytes") ?? 0,
    threads: family(samples, "blindfold_thread_cpu_seconds_total", "thread"),
    dropped: family(samples, "blindfold_dropped_packets_total", "reason"),
    sentPackets: Object.values(family(samples, "blindfold_rtp_sent_packets_total", "kind")).reduce(
      (sum, one) => sum + one,
      0,
    ),
  };
}

/** Values of one metric by one label, summed over the others. */
function family(samples: ReadonlyMap<string, number>, name: string, label: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [series, value] of samples) {
    if (!series.startsWith(`${name}{`)) continue;
    const labelled = new RegExp(`[{,]${label}="([^"]*)"`).exec(series)?.[1] ?? "";
    values[labelled] = (values[labelled] ?? 0) + value;
  }
  return values;
}

/** Rates between neighbouring readings; a reading just before the last one is dropped. */
export function serverSeconds(all: readonly ServerReading[], startUs: number): ServerSecond[] {
  const last = all.at(-1);
  const readings = all.filter(
    (one, i) => i === 0 || one === last || last!.atUs - one.atUs >= LEAST_INTERVAL_US,
  );
  return readings.slice(1).map((reading, i) => {
    const before = readings[i]!;
    const seconds = (reading.atUs - before.atUs) / 1_000_000;
    return {
      second: (reading.atUs - startUs) / 1_000_000,
      cpuCores: (reading.cpuSeconds - before.cpuSeconds) / seconds,
      residentBytes: reading.residentBytes,
      threads: Object.fromEntries(
        Object.entries(reading.threads).map(([thread, cpu]) => [
          thread,
          (cpu - (before.threads[thread] ?? 0)) / seconds,
        ]),
      ),
    };
  });
}

/** Packets dropped between two readings, by reason; reasons without any are omitted. */
export function droppedBetween(before: ServerReading, after: ServerReading): Record<string, number> {
  const grown = Object.entries(after.dropped).map(
    ([reason, value]) => [reason, value - (before.dropped[reason] ?? 0)] as const,
  );
  return Object.fromEntries(grown.filter(([, value]) => value > 0));
}
