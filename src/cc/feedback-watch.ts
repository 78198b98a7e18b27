/**
 * Notices when nothing that is sent is answered any more: the path is gone, or the way back.
 *
 *              unanswered for long             again, every HALVING_US
 *    answered ─────────────────────▶ outage ──────┐
 *        ▲                           │  ▲         │ halve
 *        └────── an answer ──────────┘  └─────────┘
 */

/** Beyond two round trips; feedback comes every 50 to 250 ms. Less takes lost reports for an outage. */
const PATIENCE_US = 400_000;
/** At least so many unanswered packets: little feedback comes when hardly anything is sent. */
const MIN_UNANSWERED = 8;

/** Slower keeps filling a path that is gone, faster is at the minimum after a pause that a viewer hardly notices. */
const HALVING_US = 400_000;

/** An outage that follows so soon is the same again: the rate between them was only a guess after the first. */
const RELAPSE_US = 5_000_000;

export class FeedbackWatch {
  /** Target before the outage; 0 while there is none. */
  beforeBps = 0;
  /** When the oldest unanswered packet was sent. */
  sinceUs = 0;
  #unanswered = 0;
  #lastSentUs = 0;
  #halvedUs = 0;
  /** Of the latest outage. */
  #formerBps = 0;
  #outageUs = Number.NEGATIVE_INFINITY;

  get outage(): boolean {
    return this.beforeBps > 0;
  }

  /** Whether an answer comes so late that an outage is over before it was noticed, as may happen on a long round trip. */
  isOverdue(rttUs: number, nowUs: number): boolean {
    return this.#unanswered >= MIN_UNANSWERED && nowUs - this.sinceUs >= PATIENCE_US + rttUs;
  }

  /** `packets` were sent at `nowUs`. */
  onSent(packets: number, nowUs: number): void {
    if (this.#unanswered === 0) this.sinceUs = nowUs;
    this.#unanswered += packets;
    this.#lastSentUs = nowUs;
  }

  onAnswer(): void {
    this.#unanswered = 0;
    this.beforeBps = 0;
  }

  /** Returns true when the rate is to be halved now. */
  tick(targetBps: number, rttUs: number, nowUs: number): boolean {
    if (this.#unanswered < MIN_UNANSWERED || nowUs - this.sinceUs < PATIENCE_US + 2 * rttUs) return false;
    const stillSending = nowUs - this.#lastSentUs < HALVING_US;
    if (!stillSending || (this.outage && nowUs - this.#halvedUs < HALVING_US)) return false;
    if (!this.outage) this.#begin(targetBps, nowUs);
    this.#outageUs = nowUs;
    this.#halvedUs = nowUs;
    return true;
  }

  #begin(targetBps: number, nowUs: number): void {
    const isRelapse = nowUs - this.#outageUs < RELAPSE_US;
    this.beforeBps = isRelapse ? Math.max(targetBps, this.#formerBps) : targetBps;
    this.#formerBps = this.beforeBps;
  }
}
