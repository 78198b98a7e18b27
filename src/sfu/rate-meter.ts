/** Bits per second over the last whole window, and whether anything came at all. Sans-IO: the caller has the clock. */

/** Long enough to hold several frames of 5 fps, short enough for a page to show what happens. */
const WINDOW_US = 1_000_000;

/**
 * What comes this soon after the sender said that it stops was under way, or is a retransmission. Longer would overlook a
 * sender that goes on at once, shorter would take the last repairs for one.
 */
const LATE_US = 1_000_000;

export class RateMeter {
  bitrateBps = 0;
  packets = 0;
  #bytes = 0;
  #windowStartUs = 0;
  #lastPacketUs = Number.NEGATIVE_INFINITY;
  #stoppedUs = Number.NEGATIVE_INFINITY;

  add(bytes: number, nowUs: number): void {
    this.packets += 1;
    this.#bytes += bytes;
    if (nowUs - this.#stoppedUs > LATE_US) this.#lastPacketUs = nowUs;
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
  stop(nowUs: number): void {
    this.#stoppedUs = nowUs;
    this.#lastPacketUs = Number.NEGATIVE_INFINITY;
  }

  /** Nothing came since the sender said so, or ever. */
  get isStopped(): boolean {
    return this.#lastPacketUs === Number.NEGATIVE_INFINITY;
  }

  idleUs(nowUs: number): number {
    return nowUs - this.#lastPacketUs;
  }
}
