/** Bits per second over the last whole window, and whether anything came at all. Sans-IO: the caller has the clock. */

/** Long enough to hold several frames of 5 fps, short enough for a page to show what happens. */
const WINDOW_US = 1_000_000;

export class RateMeter {
  bitrateBps = 0;
  packets = 0;
  #bytes = 0;
  #windowStartUs = 0;
  #lastPacketUs = Number.NEGATIVE_INFINITY;

  add(bytes: number, nowUs: number): void {
    this.packets += 1;
    this.#bytes += bytes;
    this.#lastPacketUs = nowUs;
  }

  /** Closes the window when it is over. Call it now and then, also when nothing comes. */
  tick(nowUs: number): void {
    const elapsedUs = nowUs - this.#windowStartUs;
    if (elapsedUs < WINDOW_US) return;
    this.bitrateBps = Math.round((this.#bytes * 8 * 1_000_000) / elapsedUs);
    this.#bytes = 0;
    this.#windowStartUs = nowUs;
  }

  /** The sender has said that it stops. */
  stop(): void {
    this.#lastPacketUs = Number.NEGATIVE_INFINITY;
  }

  idleUs(nowUs: number): number {
    return nowUs - this.#lastPacketUs;
  }
}
