/**
 * The rate that delay allows: additive or multiplicative increase, multiplicative decrease
 * (draft-ietf-rmcat-gcc-02 §5.5).
 *
 *              normal                        overuse
 *    ┌────────────────────▶ increase ─────────────────────┐
 *    │                          │ underuse                 ▼
 *   hold ◀──────────────────────┴───────────────────── decrease
 *    └──────────────────────────────────────────────────▶ ┘  overuse
 */
import { LinkCapacity } from "./link-capacity.ts";
import type { DelaySignal } from "./overuse-detector.ts";

/** Of what was acknowledged when the queue grew. */
export const A = { backoff: 0.95 };

/** Growth per second while the capacity is unknown. */
const GROWTH_PER_SECOND = 1.08;
const MIN_GROWTH_BPS = 1_000;
/** Near the maximum one packet per response time is added. */
const PACKET_BITS = 9_600;
const DETECTION_US = 100_000;
const MIN_ADDED_BPS = 4_000;
const MAX_STEP_US = 1_000_000;

/** Bounds of the round trip that one decrease is given to show. */
const MIN_REDUCTION_US = 10_000;
const MAX_REDUCTION_US = 200_000;

export class AimdRate {
  rateBps: number;
  /** When it last fell. */
  decreasedUs = Number.NEGATIVE_INFINITY;
  readonly #capacity = new LinkCapacity();
  #holding = true;
  #changedUs: number;

  constructor(rateBps: number, nowUs: number) {
    this.rateBps = rateBps;
    this.#changedUs = nowUs;
  }

  /** `ackedBps`: 0 when it is not known. `limitBps`: it may not grow beyond. */
  update(signal: DelaySignal, ackedBps: number, limitBps: number, rttUs: number, nowUs: number): void {
    if (signal === "overuse") this.#decrease(ackedBps, rttUs, nowUs);
    else if (signal === "underuse") this.#holding = true;
    else this.#increase(ackedBps, limitBps, rttUs, nowUs);
  }

  /** A probe has shown that so much gets through, or something else that less does. */
  onFull(bps: number): void {
    this.#capacity.forget();
    this.#capacity.onOveruse(bps);
  }
  onLoss(bps: number, nowUs: number): void {
    if (bps < this.rateBps) {
      this.rateBps = bps;
      this.decreasedUs = nowUs;
      this.#holding = true;
    }
    this.#capacity.forget();
    this.#capacity.onOveruse(bps);
  }
  set(rateBps: number, nowUs: number): void {
    if (rateBps < this.rateBps) this.decreasedUs = nowUs;
    this.rateBps = rateBps;
    this.#changedUs = nowUs;
  }

  #increase(ackedBps: number, limitBps: number, rttUs: number, nowUs: number): void {
    if (this.#holding) {
      this.#holding = false;
      this.#changedUs = nowUs;
      return;
    }
    const elapsedUs = Math.min(nowUs - this.#changedUs, MAX_STEP_US);
    this.#changedUs = nowUs;
    if (ackedBps > this.#capacity.upperBps) this.#capacity.forget();
    const grown =
      this.rateBps + (this.#capacity.known ? this.#added(rttUs, elapsedUs) : this.#multiplied(elapsedUs));
    // The limit stops growth and does not take back what a probe has found.
    this.rateBps = Math.max(this.rateBps, Math.min(grown, limitBps));
  }

  #multiplied(elapsedUs: number): number {
    const growth = GROWTH_PER_SECOND ** (elapsedUs / 1_000_000) - 1;
    return Math.max(this.rateBps * growth, (MIN_GROWTH_BPS * elapsedUs) / 1_000_000);
  }

  #added(rttUs: number, elapsedUs: number): number {
    const responseUs = 2 * (rttUs + DETECTION_US);
    return Math.max((PACKET_BITS * elapsedUs) / responseUs, (MIN_ADDED_BPS * elapsedUs) / 1_000_000);
  }

  #decrease(ackedBps: number, rttUs: number, nowUs: number): void {
    const waitUs = Math.min(Math.max(rttUs, MIN_REDUCTION_US), MAX_REDUCTION_US);
    if (nowUs - this.decreasedUs < waitUs && !(ackedBps < this.rateBps / 2)) return;
    this.#holding = true;
    this.decreasedUs = nowUs;
    if (ackedBps === 0) {
      this.rateBps /= 2;
      return;
    }
    let decreased = A.backoff * ackedBps;
    if (decreased > this.rateBps && this.#capacity.known) decreased = A.backoff * this.#capacity.bps;
    if (ackedBps < this.#capacity.lowerBps) this.#capacity.forget();
    this.#capacity.onOveruse(ackedBps);
    if (decreased < this.rateBps) this.rateBps = decreased;
  }
}
