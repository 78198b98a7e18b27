/**
 * Detects that a receiver's transport-wide feedback has ended, or never begins, although its path works: its receiver reports go
 * on and confirm that packets arrive. Firefox sends that feedback through the first receiver that it created, and none at all
 * while that one belongs to an inactive section. GStreamer sends none before it has received of a section with the extension.
 *
 *               sent, unanswered for long          a report of what was sent then      no feedback for as long again
 *    answered ──────────────────────────▶ silent ─────────────────────────▶ witnessed ───────────────────────▶ ended
 *        ▲                                  │                                   │                                │
 *        └──────────── feedback ────────────┴───────────────────────────────────┴────────────────────────────────┘
 */

/**
 * Feedback comes every 50 to 250 ms. Less takes a late message for the end, more leaves a receiver without video for
 * longer.
 */
const SILENCE_US = 800_000;

const NEVER = Number.POSITIVE_INFINITY;

export class FeedbackSilence {
  ended = false;
  /** Transport-wide number of the first packet sent after the latest feedback, or ever; when there was one, to a tick. */
  #nextExtSeq = NEVER;
  #unansweredUs = NEVER;
  /** Transport-wide numbers from here on were sent in silence. */
  #fromExtSeq = NEVER;
  /** When a report first confirmed that one of them arrived. */
  #witnessedUs = NEVER;

  /** `nextExtSeq`: of what is sent from now on. */
  onFeedback(nextExtSeq: number): void {
    this.ended = false;
    this.#nextExtSeq = nextExtSeq;
    this.#unansweredUs = NEVER;
    this.#fromExtSeq = NEVER;
    this.#witnessedUs = NEVER;
  }

  /** `nextExtSeq`: of what is sent from now on. */
  tick(nextExtSeq: number, nowUs: number): void {
    if (this.#fromExtSeq !== NEVER) return;
    if (this.#nextExtSeq === NEVER) this.#nextExtSeq = nextExtSeq;
    if (this.#unansweredUs === NEVER && nextExtSeq > this.#nextExtSeq) this.#unansweredUs = nowUs;
    if (nowUs - this.#unansweredUs >= SILENCE_US) this.#fromExtSeq = nextExtSeq;
  }

  /** A report confirms that `extSeq` arrived. Returns true when feedback has just been found to have ended. */
  onReport(extSeq: number, nowUs: number): boolean {
    if (this.ended) return false;
    if (extSeq >= this.#fromExtSeq && this.#witnessedUs === NEVER) this.#witnessedUs = nowUs;
    // After an outage of the return path the report may only be the first message to get through.
    this.ended = nowUs - this.#witnessedUs >= SILENCE_US;
    return this.ended;
  }
}
