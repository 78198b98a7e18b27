/**
 * What is sent and what of it is acknowledged, and so whether the application or the estimate limits the rate.
 *
 * A sender that does not use what it may (the application-limited region) learns nothing of what lies beyond: its
 * estimate is held, never grown, and only a probe may raise it. A subscriber of layered video, whose steps are large, is
 * there most of the time.
 */
import type { Acknowledgements } from "./acknowledgements.ts";
import { RateWindow } from "./rate-window.ts";

/**
 * Window of the rates: long enough for an encoder's uneven frames. Longer grows later, shorter takes a small frame for less
 * demand.
 */
const SPAN_US = 500_000;

/**
 * While a queue grows fast, capacity has dropped, and what came before is not true any more. Shorter counts single
 * packets.
 */
const FRESH_SPAN_US = 300_000;
/** A queue that is this long when feedback first reports it grew fast. */
export const FAST_QUEUE_US = 60_000;
/**
 * While the queue is short, the best tenth of a second tells what the link carries: the rest may have had nothing to carry.
 */
const BEST_SPAN_US = 100_000;
/**
 * Bytes of a queue that must arrive before they tell what the link carries. Less counts single packets, more tells later.
 */
const QUEUED_BYTES = 5_000;

/** How far the estimate may exceed what is sent: the window looks back, and growth is 8 % per second. */
const HEADROOM = 1.02;
/** How far it may exceed what is acknowledged, when losses are high. */
const ACKED_HEADROOM = 1.5;
/** Allowance for rates so low that single packets matter. */
const HEADROOM_BPS = 10_000;

/** Below this share of the rate the application is the limit. */
const USED_SHARE = 0.9;

export class Throughput {
  /** Since the start. */
  sentBytes = 0;
  /** Share of packets that is lost at any rate: what is acknowledged is scaled up by it. */
  inherentLoss = 0;
  /** As of the last `measure()`; 0 when not known. */
  sentBps = 0;
  ackedBps = 0;
  readonly #sent = new RateWindow();
  readonly #acked = new RateWindow();

  onSent(bytes: number, nowUs: number): void {
    this.sentBytes += bytes;
    this.#sent.add(bytes, nowUs);
  }

  /** Sent as a probe, beyond what the application has. */
  onProbeSent(bytes: number): void {
    this.sentBytes += bytes;
  }

  onAcknowledged({ bytes, unreportedBytes, arrivalUs, priorArrivalUs }: Acknowledgements): void {
    if (unreportedBytes > 0) this.#acked.add(unreportedBytes, (arrivalUs + priorArrivalUs) / 2);
    this.#acked.add(bytes, arrivalUs);
  }

  measure(nowUs: number): void {
    this.sentBps = this.#sent.bps(nowUs, SPAN_US);
    this.ackedBps = this.#carriedBps(SPAN_US);
  }

  /** What the link carried while its queue grew to `queueUs`; 0 when not known. */
  capacityBps(queueUs: number): number {
    if (queueUs > FAST_QUEUE_US) return this.#carriedBps(FRESH_SPAN_US);
    return Math.max(this.ackedBps, this.#carriedBps(BEST_SPAN_US));
  }

  /** What the link carried in the `queuedUs` for which it has had a queue: all that it can; 0 when not known yet. */
  queuedBps(queuedUs: number): number {
    if (queuedUs <= 0) return 0;
    const spanUs = Math.min(queuedUs, FRESH_SPAN_US);
    const bps = this.#carriedBps(spanUs);
    return (bps * spanUs) / 8_000_000 < QUEUED_BYTES ? 0 : bps;
  }

  /** How far an estimate may grow. */
  get growthLimitBps(): number {
    return Math.min(HEADROOM * this.sentBps, ACKED_HEADROOM * this.ackedBps) + HEADROOM_BPS;
  }

  /** Whether the application sends less than it might at `rateBps`. */
  isLimited(rateBps: number): boolean {
    return this.sentBps < USED_SHARE * rateBps;
  }

  /** After an outage: arrivals go on elsewhere. */
  reset(): void {
    this.#acked.reset();
  }

  #carriedBps(spanUs: number): number {
    return this.#acked.bps(this.#acked.newestUs, spanUs) / (1 - this.inherentLoss);
  }
}
