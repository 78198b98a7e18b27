/**
 * From the trend of the delay to a signal (draft-ietf-rmcat-gcc-02 §5.4).
 *
 *   trend ▲            over-use, once it has lasted and does not fall
 *         │ + threshold ─────────────────────────────────────────────
 *         │            normal
 *         │ - threshold ─────────────────────────────────────────────
 *         │            under-use: queues drain
 *
 * The threshold follows the trend, slowly up and quickly down: else a flow that shares a queue with TCP, which keeps the
 * queue moving, would give way to nothing.
 */
export type DelaySignal = "normal" | "overuse" | "underuse";

/** The slope is weighed with the number of groups behind it, up to so many, and this gain: milliseconds in effect. */
const MAX_COUNT = 60;
const GAIN = 4;

/** Over-use must last so long in sending time: longer lets queues grow, shorter takes a burst for one. */
const OVERUSE_US = 10_000;

const START_THRESHOLD = 12.5;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
/** Gains per millisecond (§5.4 has K_u = 0.01 and K_d = 0.00018; libwebrtc has these for its trendline). */
const GAIN_UP = 0.0087;
const GAIN_DOWN = 0.039;
/** A trend so far outside is a sudden drop of capacity, which the threshold shall not get used to. */
const MAX_ADAPT_OFFSET = 15;
const MAX_ADAPT_MS = 100;

export class OveruseDetector {
  signal: DelaySignal = "normal";
  #threshold = START_THRESHOLD;
  #overuseUs = -1;
  #overuseCount = 0;
  #priorSlope = 0;
  #adaptedUs = -1;

  /** The trend after `count` groups, of which the last was sent `sendDeltaUs` after the one before. */
  update(slope: number, count: number, sendDeltaUs: number, arrivalUs: number): void {
    const trend = Math.min(count, MAX_COUNT) * slope * GAIN;
    if (trend > this.#threshold) this.#onAbove(slope, sendDeltaUs);
    else {
      this.#overuseUs = -1;
      this.#overuseCount = 0;
      this.signal = trend < -this.#threshold ? "underuse" : "normal";
    }
    this.#priorSlope = slope;
    this.#adapt(Math.abs(trend), arrivalUs);
  }

  /** What was measured is no longer true of the path; how noisy it is still is. */
  reset(): void {
    this.signal = "normal";
    this.#overuseUs = -1;
    this.#overuseCount = 0;
    this.#priorSlope = 0;
  }

  #onAbove(slope: number, sendDeltaUs: number): void {
    // Began somewhere since the group before: half of the time, as a guess.
    this.#overuseUs = this.#overuseUs < 0 ? sendDeltaUs / 2 : this.#overuseUs + sendDeltaUs;
    this.#overuseCount += 1;
    if (this.#overuseUs <= OVERUSE_US || this.#overuseCount < 2 || slope < this.#priorSlope) return;
    this.#overuseUs = 0;
    this.#overuseCount = 0;
    this.signal = "overuse";
  }

  #adapt(trend: number, arrivalUs: number): void {
    const sinceMs = this.#adaptedUs < 0 ? 0 : (arrivalUs - this.#adaptedUs) / 1000;
    this.#adaptedUs = arrivalUs;
    if (trend > this.#threshold + MAX_ADAPT_OFFSET) return;
    const gain = trend < this.#threshold ? GAIN_DOWN : GAIN_UP;
    const ms = Math.min(Math.max(sinceMs, 0), MAX_ADAPT_MS);
    const threshold = this.#threshold + gain * (trend - this.#threshold) * ms;
    this.#threshold = Math.min(Math.max(threshold, MIN_THRESHOLD), MAX_THRESHOLD);
  }
}
