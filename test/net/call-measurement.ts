/** What a viewer saw and heard over some time, from what its browser counted at many instants of it. */
import type { MediaStatistics } from "../../src/http/test-call/received-statistics.ts";

export interface Sample extends MediaStatistics {
  readonly atMs: number;
}

export interface CallMeasurement {
  readonly seconds: number;
  /** Of `totalFreezesDuration`, in each minute. It grows when a picture comes after a freeze, so not in the last one. */
  readonly freezeSecondsPerMinute: number;
  /** Share of the time in which no picture had come for a second: includes what no freeze has ended. */
  readonly still: number;
  readonly framesPerSecond: number;
  /** How long frames were in the jitter buffer, on average: what smoothness costs in delay. */
  readonly bufferedMs: number;
  /** Share of the time by height of the picture, standstill left out: which layer was held. */
  readonly heights: Readonly<Record<string, number>>;
  /** Share of the played samples that were made up and are not silence. */
  readonly concealed: number;
  readonly nacks: number;
  readonly plis: number;
}

/** Longer than a freeze that a repair ends. */
const STILL_MS = 1_000;

/** `samples`: at least two, ascending. Counters that fall belong to a new connection. */
export function measureCall(samples: readonly Sample[]): CallMeasurement {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const ms = last.atMs - first.atMs;
  const grown = (count: keyof MediaStatistics): number => growth(samples, count);
  const heights: Record<string, number> = {};
  let stillMs = 0;
  let movedMs = first.atMs;
  samples.slice(1).forEach((sample, i) => {
    const before = samples[i]!;
    const stepMs = sample.atMs - before.atMs;
    if (sample.framesDecoded !== before.framesDecoded) movedMs = sample.atMs;
    if (sample.atMs - movedMs >= STILL_MS) stillMs += stepMs;
    else heights[sample.frameHeight] = (heights[sample.frameHeight] ?? 0) + stepMs / ms;
  });
  return {
    seconds: ms / 1_000,
    freezeSecondsPerMinute: (grown("totalFreezesDuration") * 60_000) / ms,
    still: stillMs / ms,
    framesPerSecond: (grown("framesDecoded") * 1_000) / ms,
    bufferedMs: (1_000 * grown("jitterBufferDelay")) / Math.max(1, grown("jitterBufferEmittedCount")),
    heights,
    concealed:
      (grown("concealedSamples") - grown("silentConcealedSamples")) /
      Math.max(1, grown("totalSamplesReceived")),
    nacks: grown("nackCount"),
    plis: grown("pliCount"),
  };
}

/** From `atMs` until pictures come again; null when none came. */
export function recoveryMs(samples: readonly Sample[], atMs: number): number | null {
  const after = samples.filter((sample) => sample.atMs >= atMs);
  const moved = after.find((sample, i) => i > 0 && sample.framesDecoded > after[i - 1]!.framesDecoded);
  return moved === undefined ? null : moved.atMs - atMs;
}

function growth(samples: readonly Sample[], count: keyof MediaStatistics): number {
  let sum = 0;
  for (let i = 1; i < samples.length; i++) {
    const [before, now] = [Number(samples[i - 1]![count]), Number(samples[i]![count])];
    sum += now >= before ? now - before : now;
  }
  return sum;
}
