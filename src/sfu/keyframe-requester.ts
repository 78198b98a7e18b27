/**
 * Decides when to send a PLI upstream for one encoding (RFC 4585 §6.3.1), whatever the number of viewers.
 *
 *            need()                    poll(): first PLI
 *    idle ───────────▶ needed ───────────────────────────▶ requested ─┐
 *     ▲                                                     │   ▲     │ poll(): again
 *     └──────────────────── onKeyframe() ───────────────────┘   └─────┘ every retryUs
 */
export class KeyframeRequester {
  #needed = false;
  #lastSentUs = Number.NEGATIVE_INFINITY;
  readonly #retryUs: number;

  /**
   * `retryUs`: how long to trust a PLI before repeating it, and the least time between any two. Longer leaves
   * viewers waiting after a lost PLI; shorter makes an encoder spend its bits on key frames.
   */
  constructor(retryUs: number) {
    this.#retryUs = retryUs;
  }

  /** A down track cannot go on without a keyframe. Calling it again while waiting is free. */
  need(): void {
    this.#needed = true;
  }

  onKeyframe(): void {
    this.#needed = false;
  }

  /** Returns true when exactly one PLI is to be sent at `nowUs`. */
  poll(nowUs: number): boolean {
    if (!this.#needed || nowUs - this.#lastSentUs < this.#retryUs) return false;
    this.#lastSentUs = nowUs;
    return true;
  }
}
