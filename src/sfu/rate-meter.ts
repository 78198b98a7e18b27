/** Bits per second over the last whole window. Sans-IO: the caller has the clock. */

/** Long enough for several frames at 5 fps, short enough for a page to show what happens. */
const WINDOW_US = 1_000_000;

export class RateMeter {
  bitrateBps = 0;
  packets = 0;
  /** Of all packets, from the first on. */
  bytes = 0;
  #bytesBefore = 0;
  #windowStartUs = 0;

  add(bytes: number): void {
    this.packets += 1;
    this.bytes += bytes;
  }

  /** Closes the window when it is over. Call it regularly, also when nothing arrives. */
  tick(nowUs: number): void {
    const elapsedUs = nowUs - this.#windowStartUs;
    if (elapsedUs < WINDOW_US) return;
    this.bitrateBps = Math.round(((this.bytes - this.#bytesBefore) * 8 * 1_000_000) / elapsedUs);
    this.#bytesBefore = this.bytes;
    this.#windowStartUs = nowUs;
  }
}
