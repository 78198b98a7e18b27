/**
 * Notices when what is sent is no longer answered: the path is gone, or the way back is.
 */

/** Patience beyond two round trips: feedback itself comes only every 50 to 250 ms. */
const PATIENCE_US = 400_000;
/** Between halvings. */
const HALVING_US = 400_000;

export class FeedbackWatch {
  /** What was allowed before the outage; 0 when there is none. */
  beforeBps = 0;
  #unansweredUs = -1;
  #nextUs = 0;

  onSent(nowUs: number): void {
    if (this.#unansweredUs < 0) this.#unansweredUs = nowUs;
  }

  onAnswer(): void {
    this.#unansweredUs = -1;
    this.beforeBps = 0;
  }

  /** Returns true when the rate is to be halved now. */
  tick(targetBps: number, rttUs: number, nowUs: number): boolean {
    if (this.#unansweredUs < 0 || nowUs - this.#unansweredUs < PATIENCE_US + 2 * rttUs) return false;
    if (this.beforeBps === 0) this.beforeBps = targetBps;
    else if (nowUs < this.#nextUs) return false;
    this.#nextUs = nowUs + HALVING_US;
    return true;
  }
}
