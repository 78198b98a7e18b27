/**
 * When a browser shows what it has decoded: at once, or, where the sender requests a delay (playout-delay), so much
 * later than the fastest picture. Pictures that are too late for that are shown at once.
 */
import { timestampDelta } from "../../src/base/sequence.ts";

const CLOCK_RATE = 90_000;
/** The delay changes by at most this much a second (libwebrtc). */
const SLEW = 0.1;

export class SimPlayout {
  /** The delay that the sender requests, microseconds. */
  wantedUs = 0;
  #delayUs = 0;
  #timestamp: number | null = null;
  /** `#timestamp` without wraps, microseconds. */
  #mediaUs = 0;
  #fastestUs = Number.POSITIVE_INFINITY;
  #shownUs = Number.NEGATIVE_INFINITY;

  /** When the picture that was decoded at `nowUs` is shown. To be called in presentation order. */
  show(timestamp: number, nowUs: number): number {
    const stepUs = (timestampDelta(this.#timestamp ?? timestamp, timestamp) * 1_000_000) / CLOCK_RATE;
    this.#timestamp = timestamp;
    this.#mediaUs += stepUs;
    const change = Math.max(-SLEW * stepUs, Math.min(this.wantedUs - this.#delayUs, SLEW * stepUs));
    this.#delayUs += change;
    this.#fastestUs = Math.min(this.#fastestUs, nowUs - this.#mediaUs);
    const dueUs = this.#delayUs > 0 ? this.#mediaUs + this.#fastestUs + this.#delayUs : nowUs;
    this.#shownUs = Math.max(nowUs, dueUs, this.#shownUs);
    return this.#shownUs;
  }
}
