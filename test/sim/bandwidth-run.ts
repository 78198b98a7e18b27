/** Flows over one simulated bottleneck, sampled every 10 ms. */

import { EstimatedFlow, type FlowPacket } from "./estimated-flow.ts";
import { Bottleneck, type BottleneckOptions } from "./flow-bottleneck.ts";
import { seededRandom } from "./seeded-random.ts";
import { TcpFlow } from "./tcp-flow.ts";
import { GreedySource, LayeredSource, type VideoSource } from "./video-sources.ts";

export const MBIT = 1_000_000;
export const SECOND_US = 1_000_000;

const STEP_US = 1_000;
const SAMPLE_US = 10_000;
const MAX_SAMPLES = 20_000;

/** Rate of a source that sends all that is allowed: more than any capacity here. */
const GREEDY_BPS = 8 * MBIT;
const VIDEOS = 3;
/** Rate of all videos in full quality, without headers and audio. */
export const LAYERED_BPS = VIDEOS * 1.7 * MBIT;

export type SourceKind = "greedy" | "layered";

export interface RunOptions extends Partial<BottleneckOptions> {
  /** Determines frame sizes, losses and clocks, and the delay and queue length of the path where they are not given. */
  readonly seed: number;
  readonly source: SourceKind;
  /** When each flow starts; by default one at 0. */
  readonly startsUs?: readonly number[];
  readonly tcpStartUs?: number;
  readonly feedbackLoss?: number;
  readonly driftPpm?: number;
  /** Nothing is sent meanwhile, audio included. */
  readonly pause?: Span;
}

interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

export class BandwidthRun {
  readonly link: Bottleneck<FlowPacket>;
  readonly flows: readonly EstimatedFlow[];
  readonly tcp: TcpFlow | null;
  /** Of the first flow: what it estimates, as the API tells it, and what it may send, less while it empties a queue. */
  readonly #estimatesBps = new Float64Array(MAX_SAMPLES);
  readonly #targetsBps = new Float64Array(MAX_SAMPLES);
  readonly #queueMs: number[] = [];
  readonly #pause: Span;
  #nowUs = 0;

  constructor(options: RunOptions) {
    const {
      seed,
      source,
      startsUs = [0],
      tcpStartUs,
      feedbackLoss = 0.02,
      driftPpm = 0,
      outages = [],
    } = options;
    const random = seededRandom(seed * 31 + 5);
    const path = {
      capacity: [[0, 4 * MBIT]] as const,
      delayUs: 10_000 + Math.floor(random() * 50_000),
      queueBytes: 60_000 + Math.floor(random() * 60_000),
      jitterUs: 2_000,
      ...options,
    };
    this.link = new Bottleneck(path);
    const back = { delayUs: path.delayUs, loss: feedbackLoss, outages };
    this.flows = startsUs.map((startUs, i) => {
      const video = sourceOf(source, seed + i);
      return new EstimatedFlow({
        source: video,
        forward: this.link,
        back,
        seed: seed * 10 + i,
        startUs,
        driftPpm,
      });
    });
    this.#pause = options.pause ?? { fromUs: 0, toUs: 0 };
    this.tcp = tcpStartUs === undefined ? null : new TcpFlow(this.link, path.delayUs, tcpStartUs);
  }

  until(endUs: number): this {
    for (; this.#nowUs < endUs; this.#nowUs += STEP_US) {
      const nowUs = this.#nowUs;
      this.tcp?.step(nowUs);
      const silent = nowUs >= this.#pause.fromUs && nowUs < this.#pause.toUs;
      for (const flow of this.flows) flow.step(nowUs, silent);
      this.link.deliver(nowUs, (packet, arrivalUs) => packet.flow.receive(packet, arrivalUs));
      if (nowUs % SAMPLE_US === 0) this.#sample(nowUs);
    }
    return this;
  }

  /** Mean of what may be sent over [fromUs, toUs). */
  meanBps(fromUs: number, toUs: number): number {
    return mean(spanOf(this.#targetsBps, fromUs, toUs));
  }

  leastBps(fromUs: number, toUs: number): number {
    return Math.min(...spanOf(this.#targetsBps, fromUs, toUs));
  }

  /** The estimate's mean over the second around `atUs`, as a share of the capacity at `atUs`. */
  shareAt(atUs: number): number {
    return this.#shareAt(this.#estimatesBps, atUs);
  }

  /** The same of what may be sent. */
  allowedShareAt(atUs: number): number {
    return this.#shareAt(this.#targetsBps, atUs);
  }

  /** Seconds from `fromUs` until `bps` may first be sent; Infinity when it never may. */
  secondsUntil(bps: number, fromUs: number): number {
    const index = spanOf(this.#targetsBps, fromUs, this.#nowUs).findIndex((sample) => sample >= bps);
    return index === -1 ? Number.POSITIVE_INFINITY : (index * SAMPLE_US) / SECOND_US;
  }

  /** Percentile of the queueing delay over time. */
  queuePercentileMs(share: number): number {
    return percentile(this.#queueMs, share);
  }

  #shareAt(samples: Float64Array, atUs: number): number {
    const second = spanOf(samples, atUs - SECOND_US / 2, atUs + SECOND_US / 2);
    return mean(second) / this.link.capacityBps(atUs);
  }

  #sample(nowUs: number): void {
    const { keepBps, targetBps } = this.flows[0]!.estimator;
    this.#estimatesBps[nowUs / SAMPLE_US] = keepBps;
    this.#targetsBps[nowUs / SAMPLE_US] = targetBps;
    this.#queueMs.push(this.link.queueDelayUs(nowUs) / 1_000);
  }
}

/** The samples of [fromUs, toUs). */
function spanOf(samples: Float64Array, fromUs: number, toUs: number): Float64Array {
  return samples.subarray(Math.ceil(fromUs / SAMPLE_US), Math.ceil(toUs / SAMPLE_US));
}

function mean(samples: Float64Array): number {
  return samples.reduce((sum, bps) => sum + bps, 0) / samples.length;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)]!;
}

function sourceOf(kind: SourceKind, seed: number): VideoSource {
  return kind === "greedy" ? new GreedySource(GREEDY_BPS, seed) : new LayeredSource(VIDEOS, seed);
}
