/**
 * When to probe for more, and how fast.
 *
 *   the path is there ──▶ boldly ──▶ got through? ──▶ twice as fast, until it does not or nothing more is wanted
 *   more is wanted, and for a while nothing was found ──▶ twice the target; after each that found nothing, a longer while
 *   the rate fell, and hardly anything had been sent  ──▶ twice the target, soon
 */

/** What a path is first tried with, in start rates. More overruns a slow link for longer, less takes more probes. */
const FIRST_FACTOR = 3;
/** More is found in fewer steps, and overruns a full link for longer. */
const FURTHER_FACTOR = 2;
/** Getting through with this share of the rate says that there may be more. */
const FURTHER_SHARE = 0.7;

/** Beyond what is wanted: what a probe finds is a little less than it was sent with. */
const WANTED_FACTOR = 1.1;

/** Between probes, and how long it may become. Shorter fills queues more often, longer leaves viewers with less. */
const MIN_PAUSE_US = 3_000_000;
const MAX_PAUSE_US = 12_000_000;
/** After a decrease, if all that is allowed is sent: then the rate grows of itself. */
const GROWING_PAUSE_US = 8_000_000;
/** After a decrease that is in doubt, once. Shorter probes into what may be a queue, longer leaves a viewer without pictures. */
const DOUBT_PAUSE_US = 300_000;
/** Wanting so much more than when it was probed last is a new question. */
const NEW_WANT_FACTOR = 1.5;

/** When the rate last fell other than to empty a queue, and when it last did so in doubt. */
export interface Decreases {
  readonly decreasedUs: number;
  readonly doubtedUs: number;
}

/** A probe of which nothing can be told, because packets or reports were lost, is repeated so often. */
const MAX_REPEATS = 2;

export class ProbePlanner {
  #wantedBps = 0;
  /** What was wanted when the latest probe was planned. */
  #askedBps = 0;
  /** A probe to send as soon as the path is calm; 0 when there is none. */
  #urgentBps = 0;
  /** When its rate was thought of: a decrease after that makes it void. */
  #urgentUs = Number.NEGATIVE_INFINITY;
  #rateBps = 0;
  #repeats = 0;
  #pauseUs = MIN_PAUSE_US;
  #nextUs = Number.NEGATIVE_INFINITY;

  /** `mostBps`: what could be used; 0 when what is allowed is enough. */
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

  /** `resultBps`: 0 when nothing can be told. */
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
