/**
 * Whether queueing delay grows: the slope of a line through the last delays of packet groups, in time per time.
 *
 * libwebrtc's trendline filter, which took the place of the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3. Delay
 * differences add up to a delay, which is smoothed; over the last groups the least squares give (rate - capacity) /
 * capacity while a queue fills, zero while nothing changes, and less while it drains.
 */

/** Groups in the line. More sees smaller slopes, later; fewer takes noise for a queue. */
const WINDOW = 20;

/** Weight of the past in the smoothed delay. */
const SMOOTHING = 0.9;

export class DelayTrend {
  readonly #arrivalMs = new Float64Array(WINDOW);
  readonly #delayMs = new Float64Array(WINDOW);
  /** Groups seen since the start. */
  #count = 0;
  #originUs = 0;
  #accumulatedMs = 0;
  #smoothedMs = 0;
  slope = 0;

  get count(): number {
    return this.#count;
  }

  /** A group that arrived at `arrivalUs`, `deltaUs` later after the one before than it was sent. */
  update(deltaUs: number, arrivalUs: number): void {
    if (this.#count === 0) this.#originUs = arrivalUs;
    this.#accumulatedMs += deltaUs / 1000;
    this.#smoothedMs = SMOOTHING * this.#smoothedMs + (1 - SMOOTHING) * this.#accumulatedMs;
    const row = this.#count % WINDOW;
    this.#arrivalMs[row] = (arrivalUs - this.#originUs) / 1000;
    this.#delayMs[row] = this.#smoothedMs;
    this.#count += 1;
    if (this.#count >= WINDOW) this.#fit();
  }

  reset(): void {
    this.#count = 0;
    this.#accumulatedMs = 0;
    this.#smoothedMs = 0;
    this.slope = 0;
  }

  #fit(): void {
    // Relative to the first row, so that products stay small.
    const originMs = this.#arrivalMs[0]!;
    let sumX = 0;
    let sumY = 0;
    let sumXX = 0;
    let sumXY = 0;
    for (let i = 0; i < WINDOW; i++) {
      const x = this.#arrivalMs[i]! - originMs;
      const y = this.#delayMs[i]!;
      sumX += x;
      sumY += y;
      sumXX += x * x;
      sumXY += x * y;
    }
    const variance = WINDOW * sumXX - sumX * sumX;
    if (variance > 0) this.slope = (WINDOW * sumXY - sumX * sumY) / variance;
  }
}
