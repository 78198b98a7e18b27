/**
 * When to probe for more, and how fast.
 *
 *   start, end of an outage ──▶ a first, bold probe ──▶ result near its rate? twice that again
 *   more is wanted, nothing grows, no over-use lately ──▶ twice the target, each time it fails after a longer pause
 */

const START_FACTOR = 3;
const FURTHER_FACTOR = 2;
/** A result of so much of the probe says that there may be more. */
const FURTHER_SHARE = 0.7;
/** Of what is wanted: a probe comes out a little lower than it was sent. */
const HEADROOM = 1.1;

/** Between probes while they succeed; after failures longer. */
const MIN_PAUSE_US = 3_000_000;
const MAX_PAUSE_US = 12_000_000;

export class ProbePlanner {
  #mostBps = 0;
  #pauseUs = MIN_PAUSE_US;
  #nextUs = Number.NEGATIVE_INFINITY;
  /** Rate of a probe that is to come as soon as it may. */
  #urgentBps = 0;
  #probedBps = 0;

  wants(mostBps: number): void {
    if (mostBps > 1.5 * this.#mostBps) this.#pauseUs = MIN_PAUSE_US;
    this.#mostBps = mostBps;
  }

  /** Feedback came for the first time, or again after an outage. */
  onStart(targetBps: number): void {
    this.#urgentBps = Math.max(this.#urgentBps, targetBps);
  }

  onResult(resultBps: number, targetBps: number, nowUs: number): void {
    const found = resultBps > targetBps;
    this.#urgentBps = found && resultBps > FURTHER_SHARE * this.#probedBps ? FURTHER_FACTOR * resultBps : 0;
    if (found) this.#pauseUs = MIN_PAUSE_US;
    else if (resultBps > 0) this.#pauseUs = Math.min(2 * this.#pauseUs, MAX_PAUSE_US);
    this.#nextUs = nowUs + (resultBps > 0 ? this.#pauseUs : MIN_PAUSE_US);
  }

  /** The rate of a probe to be sent now, or 0. */
  next(targetBps: number, idle: boolean, decreasedUs: number, nowUs: number): number {
    const mostBps = this.#mostBps * HEADROOM;
    if (targetBps >= this.#mostBps) return 0;
    if (
      this.#urgentBps === 0 &&
      (nowUs < this.#nextUs || nowUs < decreasedUs + (idle ? MIN_PAUSE_US : 5_000_000))
    )
      return 0;
    const rateBps = Math.min(this.#urgentBps > 0 ? this.#urgentBps : FURTHER_FACTOR * targetBps, mostBps);
    this.#urgentBps = 0;
    this.#probedBps = rateBps;
    return rateBps;
  }

  static readonly startFactor = START_FACTOR;
}
