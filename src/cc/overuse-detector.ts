/**
 * From the trend of the delay to a signal (draft-ietf-rmcat-gcc-02 §5.4).
 *
 *   trend ▲  over-use, once it has lasted and does not fall
 *         ├─────────────────────────────────────────────────  threshold
 *         │  normal
 *         ├─────────────────────────────────────────────────  -threshold
 *         │  under-use: a queue drains
 *
 * The threshold follows the trend: up, because in a queue that a TCP flow keeps moving a fixed one would give way for
 * ever; down again, and faster, when the path is quiet.
 */
export type DelaySignal = "normal" | "overuse" | "underuse";

/** A slope is weighted by the number of groups behind it, up to so many; the gain turns it into milliseconds. */
const MAX_COUNT = 60;
const GAIN = 4;

/** How long over-use must last, in sending time. Longer lets queues grow, shorter takes one burst for over-use. */
const OVERUSE_US = 10_000;

const START_THRESHOLD = 12.5;
const MIN_THRESHOLD = 6;
const MAX_THRESHOLD = 600;
/** Per millisecond, as libwebrtc has them for its trendline. */
const GAIN_UP = 0.0087;
const GAIN_DOWN = 0.039;
/** A trend this far beyond the threshold is a sudden drop of capacity, to which the threshold must not adapt. */
const MAX_ADAPT_OFFSET = 15;
const MAX_ADAPT_MS = 100;

const NONE = -1;

export class OveruseDetector {
  signal: DelaySignal = "normal";
  #threshold = START_THRESHOLD;
  /** For how long, and in how many groups, the trend has been above; NONE when it is not. */
  #aboveUs = NONE;
  #aboveCount = 0;
  #priorSlope = 0;
  #adaptedUs = NONE;

  /** `slope` after `count` groups, of which the last was sent `sendDeltaUs` after the one before. */
  update(slope: number, count: number, sendDeltaUs: number, arrivalUs: number): void {
    const trend = Math.min(count, MAX_COUNT) * slope * GAIN;
    if (trend > this.#threshold) this.#onAbove(slope, sendDeltaUs);
    else {
      this.#aboveUs = NONE;
      this.#aboveCount = 0;
      this.signal = trend < -this.#threshold ? "underuse" : "normal";
    }
    this.#priorSlope = slope;
    this.#adapt(Math.abs(trend), arrivalUs);
  }

  /** The path was silent or gone. The threshold is kept: the path is as noisy as before. */
  reset(): void {
    this.signal = "normal";
    this.#aboveUs = NONE;
    this.#aboveCount = 0;
    this.#priorSlope = 0;
  }

  #onAbove(slope: number, sendDeltaUs: number): void {
    // Over-use began at some time since the previous group.
    this.#aboveUs = this.#aboveUs === NONE ? sendDeltaUs / 2 : this.#aboveUs + sendDeltaUs;
    this.#aboveCount += 1;
    if (this.#aboveUs <= OVERUSE_US || this.#aboveCount < 2 || slope < this.#priorSlope) return;
    this.#aboveUs = 0;
    this.#aboveCount = 0;
    this.signal = "overuse";
  }

  #adapt(trend: number, arrivalUs: number): void {
    const sinceMs = this.#adaptedUs === NONE ? 0 : (arrivalUs - this.#adaptedUs) / 1000;
    this.#adaptedUs = arrivalUs;
    if (trend > this.#threshold + MAX_ADAPT_OFFSET) return;
    const gain = trend < this.#threshold ? GAIN_DOWN : GAIN_UP;
    const ms = Math.min(Math.max(sinceMs, 0), MAX_ADAPT_MS);
    const threshold = this.#threshold + gain * (trend - this.#threshold) * ms;
    this.#threshold = Math.min(Math.max(threshold, MIN_THRESHOLD), MAX_THRESHOLD);
  }
}
