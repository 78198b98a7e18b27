/**
 * Decides when to send a PLI upstream for one encoding (RFC 4585 §6.3.1), whatever the number of viewers.
 *
 *            need()                    poll(): first PLI
 *    idle ───────────▶ needed ───────────────────────────▶ requested ─┐
 *     ▲                                                     │   ▲     │ poll(): again
 *     └──────────────────── onKeyframe() ───────────────────┘   └─────┘ every retryUs, and ever more seldom
 *                                                                       while nothing comes of the encoding
 */

/**
 * The longest pause between two PLIs for an encoding of which nothing comes: it may have ended, and its BYE was lost; or a
 * screen stands still. Longer leaves viewers of such a screen waiting after lost PLIs; shorter makes encoders that hear a
 * PLI for all their encodings spend bits on key frames that nobody needs.
 */
const MAX_PAUSE_US = 8_000_000;

export class KeyframeRequester {
  #needed = false;
  #lastSentUs = Number.NEGATIVE_INFINITY;
  /** After the last PLI, while nothing comes. */
  #pauseUs: number;
  readonly #retryUs: number;

  /**
   * `retryUs`: how long to trust a PLI before repeating it, and the least time between any two. Longer leaves
   * viewers waiting after a lost PLI; shorter makes an encoder spend its bits on key frames.
   */
  constructor(retryUs: number) {
    this.#retryUs = retryUs;
    this.#pauseUs = retryUs;
  }

  /** A down track cannot go on without a keyframe. Calling it again while waiting is free. */
  need(): void {
    this.#needed = true;
  }

  onKeyframe(): void {
    this.#needed = false;
    this.#pauseUs = this.#retryUs;
  }

  /** Returns true when exactly one PLI is to be sent at `nowUs`. `idleUs`: for so long nothing has come of the encoding. */
  poll(nowUs: number, idleUs: number): boolean {
    if (!this.#needed) return false;
    const sinceUs = nowUs - this.#lastSentUs;
    const isSilent = idleUs > sinceUs;
    if (sinceUs < (isSilent ? this.#pauseUs : this.#retryUs)) return false;
    this.#lastSentUs = nowUs;
    this.#pauseUs = isSilent ? Math.min(2 * this.#pauseUs, MAX_PAUSE_US) : this.#retryUs;
    return true;
  }
}
