/**
 * What the path is believed to carry: multiplicative increase while that is unknown, additive near the maximum,
 * multiplicative decrease (draft-ietf-rmcat-gcc-02 §5.5).
 *
 *   bps ▲            ╱│          ╱│        full: BACKOFF × what was acknowledged
 *       │          ╱  │╱╱╱╱╱╱╱╱╱  │╱╱╱╱    additive, the capacity being known
 *       │       ╱╱
 *       │ ╱╱╱╱╱╱   multiplicative
 *       └──────────────────────────────▶
 */
import { LinkCapacity } from "./link-capacity.ts";

/**
 * The draft has 0.85, so that the queue drains; here `QueueDrain` does that. More leaves less capacity unused, but a new
 * flow takes longer to get its share from an old one.
 */
const BACKOFF = 0.91;

const GROWTH_PER_SECOND = 1.08;
/** Additive increase: one packet per response time, which is a round trip and the detector's delay. */
const PACKET_BITS = 9_600;
const DETECTION_US = 100_000;
/** Cap of the additive increase at low rates: over-use would be seen when the queue is long. */
const MAX_ADDED_SHARE = 0.07;
/** Least increase: at low rates and on long paths it would take minutes. */
const MIN_GROWTH_BPS = 4_000;
/** Growth over a longer time without feedback would be a jump. */
const MAX_STEP_US = 1_000_000;

/** After a decrease, a round trip within these bounds passes before the next, so that the first can take effect. */
const MIN_WAIT_US = 10_000;
const MAX_WAIT_US = 200_000;

export class AimdRate {
  bps: number;
  decreasedUs = Number.NEGATIVE_INFINITY;
  readonly #capacity = new LinkCapacity();
  readonly #minBps: number;
  #changedUs: number;

  constructor(bps: number, minBps: number, nowUs: number) {
    this.bps = bps;
    this.#minBps = minBps;
    this.#changedUs = nowUs;
  }

  /** What the link carried when it was full; 0 while that is not known. */
  get capacityBps(): number {
    return this.#capacity.known ? this.#capacity.bps : 0;
  }

  /** No queue grows. `limitBps`: growth ends there, but what a probe has found beyond it stays. */
  grow(ackedBps: number, limitBps: number, rttUs: number, nowUs: number): void {
    if (this.#capacity.isBelow(ackedBps)) this.#capacity.forget();
    const elapsedUs = Math.min(nowUs - this.#changedUs, MAX_STEP_US);
    this.#changedUs = nowUs;
    const grown = this.bps + (this.#growthBps(rttUs) * elapsedUs) / 1_000_000;
    this.bps = Math.max(this.bps, Math.min(grown, limitBps));
  }

  hold(nowUs: number): void {
    this.#changedUs = nowUs;
  }

  /** A queue grew while the link carried `carriedBps`; 0 when that is not known yet. */
  onOveruse(carriedBps: number, rttUs: number, nowUs: number): void {
    this.hold(nowUs);
    const waitUs = Math.min(Math.max(rttUs, MIN_WAIT_US), MAX_WAIT_US);
    const waits = nowUs - this.decreasedUs < waitUs;
    if (carriedBps === 0 || (waits && carriedBps >= this.bps / 2)) return;
    // What is counted now may be older than the queue: then the link is known better.
    const wellKnown = BACKOFF * carriedBps > this.bps && this.#capacity.known;
    const decreasedBps = BACKOFF * (wellKnown ? this.#capacity.bps : carriedBps);
    if (this.#capacity.isAbove(carriedBps)) this.#capacity.forget();
    this.#capacity.add(carriedBps);
    this.#decrease(decreasedBps, nowUs);
  }

  /** The queue for which the rate fell shows that the link carries `carriedBps`; before it, `beforeBps` were allowed. */
  correct(carriedBps: number, beforeBps: number): void {
    const bps = Math.min(BACKOFF * carriedBps, beforeBps);
    if (bps <= this.bps) return;
    this.bps = bps;
    this.onCapacity(carriedBps);
  }

  /** Losses or a probe have shown what the link carries. */
  onCapacity(bps: number): void {
    this.#capacity.forget();
    this.#capacity.add(bps);
  }

  /** To less, for a reason other than delay. */
  limit(bps: number, nowUs: number): void {
    this.hold(nowUs);
    this.#decrease(bps, nowUs);
  }

  /** What was taken for the link's capacity was none: `bps` is allowed as before. */
  restore(bps: number, nowUs: number): void {
    this.#capacity.forget();
    this.raise(bps, nowUs);
  }

  /** A probe got through at `bps`. */
  raise(bps: number, nowUs: number): void {
    this.hold(nowUs);
    if (bps > this.bps) this.bps = bps;
  }

  /** In a second. */
  #growthBps(rttUs: number): number {
    const added = (PACKET_BITS * 1_000_000) / (rttUs + DETECTION_US);
    const share = this.#capacity.known ? Math.min(added / this.bps, MAX_ADDED_SHARE) : GROWTH_PER_SECOND - 1;
    return Math.max(share * this.bps, MIN_GROWTH_BPS);
  }

  #decrease(bps: number, nowUs: number): void {
    const bounded = Math.max(bps, this.#minBps);
    if (bounded >= this.bps) return;
    this.decreasedUs = nowUs;
    this.bps = bounded;
  }
}
