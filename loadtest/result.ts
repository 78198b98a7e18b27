/** One run as numbers: what the table, the JSON file and the page show. */
import type { ClientReport, JoinTimes } from "./client/load-client.ts";
import { DelayHistogram } from "./measure/delay-histogram.ts";
import { missingIn } from "./measure/layer-audit.ts";
import { addSample, emptySample, LAYER_NAMES, type Sample } from "./measure/meter.ts";
import type { ServerSecond } from "./measure/server-load.ts";
import type { GeneratorReport } from "./messages.ts";

export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface SecondResult {
  readonly second: number;
  readonly sentPackets: number;
  readonly sentBps: number;
  readonly receivedPackets: number;
  /** By layer, as in `layers`. */
  readonly receivedBps: readonly number[];
  /** Null when nothing was received. */
  readonly delayP50Ms: number | null;
  readonly delayP99Ms: number | null;
  /** Shares of the expected sequence numbers: missing when a higher one arrived, and filled later. */
  readonly gapRatio: number;
  readonly filledRatio: number;
  readonly skippedPictures: number;
}

export interface JoinResult extends JoinTimes {
  readonly index: number;
  readonly role: "publisher" | "subscriber";
  readonly startMs: number;
  readonly failure: string | null;
}

export interface FailureCount {
  readonly reason: string;
  readonly afterJoin: boolean;
  readonly count: number;
  /** Of one of these failures. */
  readonly detail: string;
}

/** From the first packet of each stream to the end of the run, joins included. */
export interface StreamTotals {
  readonly streams: number;
  readonly received: number;
  readonly bytes: number;
  readonly gaps: number;
  readonly repaired: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  /** Sequence numbers that were never received. */
  readonly lost: number;
  /**
   * Packets of the forwarded layer that the publisher sent and the subscriber never received, wherever they were lost.
   * Null for video to subscribers that send feedback: the server does not forward all of it to them, on purpose.
   */
  readonly missing: number | null;
}

export interface RunResult {
  readonly version: 1;
  readonly startedAt: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly clients: { readonly publishers: number; readonly subscribers: number; readonly failed: number };
  readonly failures: readonly FailureCount[];
  /** Milliseconds. */
  readonly join: {
    readonly publisherSecure: Quantiles;
    readonly subscriberSecure: Quantiles;
    readonly subscriberFirstMedia: Quantiles;
  };
  readonly joins: readonly JoinResult[];
  readonly published: {
    readonly packets: number;
    readonly bytes: number;
    readonly lostUp: number;
    readonly nacked: number;
    readonly resent: number;
    readonly keyframes: number;
    readonly keyframeRequests: number;
    readonly skippedPictures: number;
  };
  readonly received: { readonly audio: StreamTotals; readonly video: StreamTotals };
  /** Of the measured seconds, milliseconds. */
  readonly delay: Quantiles;
  readonly layers: readonly string[];
  readonly seconds: readonly SecondResult[];
  readonly server: {
    /** Empty when the server's metrics could not be read. */
    readonly seconds: readonly ServerSecond[];
    readonly dropped: Readonly<Record<string, number>>;
    /** CPU time of the whole server process, between the first and the last reading; null without metrics. */
    readonly cpuCores: number | null;
    /** RTP packets that the server reports as sent, between the first and the last reading; null without metrics. */
    readonly sentPerSecond: number | null;
    /** CPU time of the whole server process per RTP packet it sent; null without metrics. */
    readonly cpuUsPerSentPacket: number | null;
  };
  readonly generators: readonly {
    readonly clients: number;
    readonly cpuCores: number;
    readonly latenessP50Ms: number;
    readonly latenessP99Ms: number;
    readonly socketDrops: number | null;
  }[];
}

export interface RunFacts {
  readonly startedAt: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly clients: readonly ClientReport[];
  readonly samples: ReadonlyMap<number, Sample>;
  readonly generators: readonly GeneratorReport[];
  readonly server: RunResult["server"];
}

/**
 * The first `count` seconds of a run. Excludes samples from the time in which the last packets are awaited; includes
 * seconds without any sample, in which no process had a core or all had died.
 */
export function wholeSeconds(samples: ReadonlyMap<number, Sample>, count: number): Map<number, Sample> {
  return new Map(
    Array.from({ length: count }, (_, second) => [second, samples.get(second) ?? emptySample()]),
  );
}

export function resultOf(facts: RunFacts): RunResult {
  const { startedAt, options, clients, samples, generators, server } = facts;
  const publishers = clients.filter(({ spec }) => spec.role.kind === "publisher");
  const subscribers = clients.filter(({ spec }) => spec.role.kind === "subscriber");
  const measured = [...samples].sort(([one], [other]) => one - other);
  const total = emptySample();
  for (const [, sample] of measured) addSample(total, sample);
  const sum = (of: (report: NonNullable<ClientReport["published"]>) => number): number =>
    publishers.reduce((all, { published }) => all + (published === null ? 0 : of(published)), 0);
  return {
    version: 1,
    startedAt,
    options,
    clients: {
      publishers: publishers.length,
      subscribers: subscribers.length,
      failed: clients.filter(({ failure }) => failure !== null).length,
    },
    failures: countFailures(clients),
    join: {
      publisherSecure: quantilesOf(publishers.flatMap(({ join }) => join.secureMs ?? [])),
      subscriberSecure: quantilesOf(subscribers.flatMap(({ join }) => join.secureMs ?? [])),
      subscriberFirstMedia: quantilesOf(subscribers.flatMap(({ join }) => join.firstMediaMs ?? [])),
    },
    joins: clients.map(({ spec, join, failure }) => ({
      index: spec.index,
      role: spec.role.kind,
      startMs: spec.startMs,
      failure: failure?.reason ?? null,
      ...join,
    })),
    published: {
      packets: sum(({ packets }) => packets),
      bytes: sum(({ bytes }) => bytes),
      lostUp: sum(({ lostUp }) => lostUp),
      nacked: sum(({ nacked }) => nacked),
      resent: sum(({ resent }) => resent),
      keyframes: sum(({ keyframes }) => keyframes),
      keyframeRequests: sum(({ keyframeRequests }) => keyframeRequests),
      skippedPictures: total.skippedPictures,
    },
    received: { audio: streamTotals(clients, "audio"), video: streamTotals(clients, "video") },
    delay: delayQuantiles(new DelayHistogram(total.delayBuckets)),
    layers: LAYER_NAMES,
    seconds: measured.map(([second, sample]) => secondOf(second, sample)),
    server,
    generators: generators.map(({ clients: own, cpuCores, latenessBuckets, socketDrops }) => {
      const lateness = new DelayHistogram(latenessBuckets);
      return {
        clients: own.length,
        cpuCores,
        socketDrops,
        latenessP50Ms: orNull(lateness.quantileUs(0.5) / 1000) ?? 0,
        latenessP99Ms: orNull(lateness.quantileUs(0.99) / 1000) ?? 0,
      };
    }),
  };
}

/** Whether everything that was expected was received. */
export function isFlawless({ clients, received }: RunResult): boolean {
  const { audio, video } = received;
  return clients.failed === 0 && audio.lost + video.lost + missingOf(audio) + missingOf(video) === 0;
}

/** 0 where it is not known. */
export function missingOf({ missing }: StreamTotals): number {
  return missing ?? 0;
}

export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function delayQuantiles(delays: DelayHistogram): Quantiles {
  const at = (quantile: number): number => orNull(delays.quantileUs(quantile) / 1000) ?? 0;
  return { count: delays.count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function secondOf(second: number, sample: Sample): SecondResult {
  const delays = new DelayHistogram(sample.delayBuckets);
  const expected = Math.max(1, sample.receivedPackets + sample.gaps - sample.filled);
  return {
    second,
    sentPackets: sample.sentPackets,
    sentBps: sample.sentBytes * 8,
    receivedPackets: sample.receivedPackets,
    receivedBps: sample.receivedBytes.map((bytes) => bytes * 8),
    delayP50Ms: orNull(delays.quantileUs(0.5) / 1000),
    delayP99Ms: orNull(delays.quantileUs(0.99) / 1000),
    gapRatio: sample.gaps / expected,
    filledRatio: sample.filled / expected,
    skippedPictures: sample.skippedPictures,
  };
}

function countFailures(clients: readonly ClientReport[]): FailureCount[] {
  const byReason = new Map<string, FailureCount>();
  for (const { failure } of clients) {
    if (failure === null) continue;
    const { reason, afterJoin, detail } = failure;
    const key = `${reason} ${afterJoin}`;
    byReason.set(key, { reason, afterJoin, detail, count: (byReason.get(key)?.count ?? 0) + 1 });
  }
  return [...byReason.values()].sort((one, other) => other.count - one.count);
}

function streamTotals(clients: readonly ClientReport[], kind: "audio" | "video"): StreamTotals {
  const sent = new Map<string, number>();
  for (const { spec, published } of clients) {
    for (const stream of published?.streams ?? []) {
      if (stream.kind === kind) sent.set(`${spec.index} ${stream.layer}`, stream.packets);
    }
  }
  // The server chooses their temporal layers.
  const isKnown =
    kind === "audio" || !clients.some(({ spec: { role } }) => role.kind === "subscriber" && role.feedback);
  const totals = {
    streams: 0,
    received: 0,
    bytes: 0,
    gaps: 0,
    repaired: 0,
    outOfOrder: 0,
    duplicates: 0,
    lost: 0,
    missing: 0,
  };
  for (const { watched, failure } of clients) {
    for (const stream of watched?.streams ?? []) {
      if (stream.kind !== kind || stream.received === 0) continue;
      totals.streams += 1;
      totals.received += stream.received;
      totals.bytes += stream.bytes;
      totals.gaps += stream.gaps;
      totals.repaired += stream.repaired;
      totals.outOfOrder += stream.outOfOrder;
      totals.duplicates += stream.duplicates;
      totals.lost += stream.lost;
      // A client that left early could not receive to the end; that is counted as a failure.
      const sentOf = (publisher: number, layer: number): number | undefined =>
        failure === null ? sent.get(`${publisher} ${layer}`) : undefined;
      totals.missing += missingIn(stream.runs, sentOf);
    }
  }
  return { ...totals, missing: isKnown ? totals.missing : null };
}

/** JSON has no NaN. */
function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
