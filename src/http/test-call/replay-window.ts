/**
 * Replay protection for the counters of one key: RFC 9605 §9.3 leaves it to the application and refers to the sliding
 * window of RFC 3711 §3.3.2, which this is.
 */

/**
 * How far behind the newest frame a frame may be. Frames of one stream reach us in decoding order, so anything above
 * some tens is generous. Larger: more memory. Smaller: late frames on a reordering path would be refused.
 */
const WINDOW = 1024n;
const MASK = (1n << WINDOW) - 1n;

export class ReplayWindow {
  #highest = -1n;
  /** Bit `i` represents the counter `highest - i`. */
  #seen = 0n;

  isFresh(ctr: bigint): boolean {
    if (ctr > this.#highest) return true;
    const behind = this.#highest - ctr;
    return behind < WINDOW && ((this.#seen >> behind) & 1n) === 0n;
  }

  /** To be called for authenticated frames only: a forged counter must not move the window. */
  accept(ctr: bigint): boolean {
    if (!this.isFresh(ctr)) return false;
    if (ctr > this.#highest) {
      const ahead = ctr - this.#highest;
      this.#seen = ahead >= WINDOW ? 0n : (this.#seen << ahead) & MASK;
      this.#highest = ctr;
    }
    this.#seen |= 1n << (this.#highest - ctr);
    return true;
  }
}
