/** When a browser asks for a key frame (PLI): what comes can not be decoded, and no retransmission will mend it. */

/** Without a decodable frame for so long, at the start and later (libwebrtc). */
const FIRST_FRAME_LIMIT_US = 200_000;
const NEXT_FRAME_LIMIT_US = 3_000_000;
/** Between two requests (libwebrtc). */
const INTERVAL_US = 200_000;
/** Nobody waits for a stream from which nothing comes any more: it is paused. */
const ACTIVE_US = 1_000_000;

export class KeyframeWish {
  requests = 0;
  /** When the stream began to come, or came again. */
  #sinceUs = 0;
  #arrivedUs = Number.NEGATIVE_INFINITY;
  #requestedUs = Number.NEGATIVE_INFINITY;

  onPacket(nowUs: number): void {
    if (nowUs - this.#arrivedUs > ACTIVE_US) this.#sinceUs = nowUs;
    this.#arrivedUs = nowUs;
  }

  /**
   * Whether to send a PLI now. `shownUs`: when the picture last moved, -Infinity for never. `gaveUp`: something that was
   * asked for again will not come.
   */
  poll(nowUs: number, shownUs: number, gaveUp: boolean): boolean {
    if (nowUs - this.#arrivedUs > ACTIVE_US || nowUs - this.#requestedUs < INTERVAL_US) return false;
    const isFirst = shownUs === Number.NEGATIVE_INFINITY;
    const limitUs = isFirst || gaveUp ? FIRST_FRAME_LIMIT_US : NEXT_FRAME_LIMIT_US;
    if (nowUs - Math.max(shownUs, this.#sinceUs) < limitUs) return false;
    this.#requestedUs = nowUs;
    this.requests += 1;
    return true;
  }
}
