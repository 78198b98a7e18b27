/** When a browser requests a key frame (PLI): what arrives cannot be decoded, and no retransmission will repair it. */

/** Time without a decodable frame, at the start and later (libwebrtc). */
const FIRST_FRAME_LIMIT_US = 200_000;
const NEXT_FRAME_LIMIT_US = 3_000_000;
/** Between two requests (libwebrtc). */
const INTERVAL_US = 200_000;
/** A stream without packets for this time is paused, and needs no key frame. */
const ACTIVE_US = 1_000_000;

export class KeyframeWish {
  requests = 0;
  /** When the stream started or resumed. */
  #sinceUs = 0;
  #arrivedUs = Number.NEGATIVE_INFINITY;
  #requestedUs = Number.NEGATIVE_INFINITY;

  onPacket(nowUs: number): void {
    if (nowUs - this.#arrivedUs > ACTIVE_US) this.#sinceUs = nowUs;
    this.#arrivedUs = nowUs;
  }

  /**
   * Whether to send a PLI now. `shownUs`: when the last picture was shown, -Infinity for never. `gaveUp`: a
   * retransmission was given up.
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
