/**
 * What the link carried whenever its queue was found growing: mean and spread.
 *
 * While the acknowledged rate stays within three deviations, the rate is near its maximum and grows by small steps; when
 * it leaves that range the link has changed, and what is known of it is forgotten (draft-ietf-rmcat-gcc-02 §5.5).
 */

/** Weight of a new sample. Larger forgets sooner, smaller believes longer in a link that has changed. */
const GAIN = 0.05;

/** Bounds of the variance divided by the mean, in kbit/s: 14 and 35 kbit/s of deviation at 500. */
const MIN_RELATIVE_VARIANCE = 0.4;
const MAX_RELATIVE_VARIANCE = 2.5;
const DEVIATIONS = 3;

export class LinkCapacity {
  #meanKbps = -1;
  #relativeVariance = MIN_RELATIVE_VARIANCE;

  get known(): boolean {
    return this.#meanKbps >= 0;
  }

  get bps(): number {
    return this.#meanKbps * 1000;
  }

  get upperBps(): number {
    return this.known ? this.bps + Math.max(this.#marginBps, 0.06 * this.bps) : Number.POSITIVE_INFINITY;
  }

  get lowerBps(): number {
    return this.known ? this.bps - this.#marginBps : 0;
  }

  onOveruse(ackedBps: number): void {
    const sample = ackedBps / 1000;
    this.#meanKbps = this.known ? (1 - GAIN) * this.#meanKbps + GAIN * sample : sample;
    const error = this.#meanKbps - sample;
    const variance =
      (1 - GAIN) * this.#relativeVariance + (GAIN * error * error) / Math.max(this.#meanKbps, 1);
    this.#relativeVariance = Math.min(Math.max(variance, MIN_RELATIVE_VARIANCE), MAX_RELATIVE_VARIANCE);
  }

  forget(): void {
    this.#meanKbps = -1;
  }

  get #marginBps(): number {
    return DEVIATIONS * Math.sqrt(this.#relativeVariance * this.#meanKbps) * 1000;
  }
}
