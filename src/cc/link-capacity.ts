/**
 * What the link carried whenever it was found full: mean and spread (draft-ietf-rmcat-gcc-02 §5.5).
 *
 * While what is acknowledged stays within the spread, the rate is near its maximum and grows in small steps. When it
 * leaves it, the link has changed and what is known of it is forgotten.
 */

/** Weight of a new sample. Larger follows noise, smaller believes longer in a link that has changed. */
const GAIN = 0.05;

/** Bounds of the variance over the mean, in kbit/s: deviations of 14 and 35 kbit/s at 500. */
const MIN_RELATIVE_VARIANCE = 0.4;
const MAX_RELATIVE_VARIANCE = 2.5;
const DEVIATIONS = 3;
/** Least upper margin: at high rates the variance would be less than the error of a count over half a second. */
const MIN_UPPER_MARGIN = 0.06;

const UNKNOWN = -1;

export class LinkCapacity {
  #meanKbps = UNKNOWN;
  #relativeVariance = MIN_RELATIVE_VARIANCE;

  get known(): boolean {
    return this.#meanKbps !== UNKNOWN;
  }

  get bps(): number {
    return this.#meanKbps * 1000;
  }

  /** Whether the capacity is so far above `bps` that the link must have changed. */
  isAbove(bps: number): boolean {
    return this.known && bps < this.bps - this.#marginBps;
  }

  isBelow(bps: number): boolean {
    return this.known && bps > this.bps + Math.max(this.#marginBps, MIN_UPPER_MARGIN * this.bps);
  }

  /** The link was full and carried `bps`. */
  add(bps: number): void {
    const sample = bps / 1000;
    this.#meanKbps = this.known ? (1 - GAIN) * this.#meanKbps + GAIN * sample : sample;
    const error = this.#meanKbps - sample;
    const relative = (error * error) / Math.max(this.#meanKbps, 1);
    const variance = (1 - GAIN) * this.#relativeVariance + GAIN * relative;
    this.#relativeVariance = Math.min(Math.max(variance, MIN_RELATIVE_VARIANCE), MAX_RELATIVE_VARIANCE);
  }

  forget(): void {
    this.#meanKbps = UNKNOWN;
  }

  get #marginBps(): number {
    return DEVIATIONS * Math.sqrt(this.#relativeVariance * this.#meanKbps) * 1000;
  }
}
