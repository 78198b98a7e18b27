/**
 * When to probe for more, and how fast.
 *
 *   the path is there ──▶ boldly ──▶ got through? ──▶ twice as fast, until it does not or nothing more is wanted
 *   more is wanted, and for a while nothing was found ──▶ twice the target; after each that found nothing, a longer while
 *   the rate fell, and hardly anything had been sent  ──▶ twice the target, soon
 */

/** First probe of a path, times the start rate. More overruns a slow link for longer, less takes more probes. */
const FIRST_FACTOR = 3;
/** Further probes, times the rate. More takes fewer steps, and overruns a full link for longer. */
const FURTHER_FACTOR = 2;
/** A probe that gets through at this share of its rate suggests that there is more. */
const FURTHER_SHARE = 0.7;

/** Margin over what is wanted, because a probe measures a little less than it was sent at. */
const WANTED_FACTOR = 1.1;

/**
 * Pause between probes, and the longest it may become. Shorter fills queues more often, longer leaves viewers with less.
 */
const MIN_PAUSE_US = 3_000_000;
const MAX_PAUSE_US = 12_000_000;
/** Pause after a decrease, if the whole target is used: then the rate grows without a probe. */
const GROWING_PAUSE_US = 8_000_000;
/**
 * Pause after a doubtful decrease, once. Shorter probes into what may be a queue, longer leaves a viewer without pictures.
 */
const DOUBT_PAUSE_US = 300_000;
/** When so much more is wanted than at the last probe, the pause starts anew. */
const NEW_WANT_FACTOR = 1.5;

/** When the rate last fell other than to empty a queue, and when it last did so in doubt. */
export interface Decreases {
  readonly decreasedUs: number;
  readonly doubtedUs: number;
}

/** How often a probe is repeated that could not be measured, because packets or reports were lost. */
const MAX_REPEATS = 2;

export class ProbePlanner {
  #wantedBps = 0;
  /** What was wanted when the latest probe was planned. */
  #askedBps = 0;
  /** A probe to send as soon as the path is calm; 0 when there is none. */
  #urgentBps = 0;
  /** When its rate was chosen: a later decrease makes it void. */
  #urgentUs = Number.NEGATIVE_INFINITY;
  #rateBps = 0;
  #repeats = 0;
  #pauseUs = MIN_PAUSE_US;
  #nextUs = Number.NEGATIVE_INFINITY;

  /** `mostBps`: what the application could use; 0 when the target is enough. */
  wants(mostBps: number): void {
    if (mostBps > NEW_WANT_FACTOR * this.#askedBps) {
      this.#pauseUs = MIN_PAUSE_US;
      this.#nextUs = Number.NEGATIVE_INFINITY;
    }
    if (mostBps === 0) this.#askedBps = 0;
    this.#wantedBps = mostBps;
  }

  isWanting(targetBps: number): boolean {
    return targetBps < this.#wantedBps;
  }

  onFirstFeedback(startBps: number, nowUs: number): void {
    this.#urgentBps = FIRST_FACTOR * startBps;
    this.#urgentUs = nowUs;
  }

  onOutageEnd(beforeBps: number, nowUs: number): void {
    this.#urgentBps = beforeBps;
    this.#urgentUs = nowUs;
    this.#repeats = 0;
  }

  /** The rate of a probe to send now, or 0. `limited`: the application does not use the target. */
  next(targetBps: number, limited: boolean, { decreasedUs, doubtedUs }: Decreases, nowUs: number): number {
    if (!this.isWanting(targetBps)) return 0;
    const isInDoubt = doubtedUs === decreasedUs && doubtedUs > this.#urgentUs;
    if (decreasedUs > this.#urgentUs) this.#urgentBps = 0;
    const calmUs = decreasedUs + (limited ? MIN_PAUSE_US : GROWING_PAUSE_US);
    const dueUs = isInDoubt ? decreasedUs + DOUBT_PAUSE_US : Math.max(this.#nextUs, calmUs);
    if (this.#urgentBps === 0 && nowUs < dueUs) return 0;
    const rateBps = this.#urgentBps > 0 ? this.#urgentBps : FURTHER_FACTOR * targetBps;
    this.#rateBps = Math.min(rateBps, WANTED_FACTOR * this.#wantedBps);
    this.#urgentBps = 0;
    this.#urgentUs = nowUs;
    this.#askedBps = this.#wantedBps;
    return this.#rateBps;
  }

  /** `resultBps`: 0 when the probe could not be measured. */
  onResult(resultBps: number, targetBps: number, nowUs: number): void {
    if (resultBps === 0 && this.#repeats < MAX_REPEATS) {
      this.#repeats += 1;
      this.#urgentBps = this.#rateBps;
      return;
    }
    this.#repeats = 0;
    const gotThrough = resultBps > FURTHER_SHARE * this.#rateBps;
    if (resultBps > targetBps || gotThrough) this.#pauseUs = MIN_PAUSE_US;
    else if (resultBps > 0) this.#pauseUs = Math.min(2 * this.#pauseUs, MAX_PAUSE_US);
    if (resultBps > targetBps && gotThrough) this.#urgentBps = FURTHER_FACTOR * resultBps;
    this.#nextUs = nowUs + this.#pauseUs;
  }
}
