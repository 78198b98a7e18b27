/**
 * When a browser shows what it has decoded: as soon as it can, or, where the sender asks for a delay (playout-delay), so
 * much later than the fastest picture came. What comes too late for that is shown at once.
 */
import { timestampDelta } from "../../src/base/sequence.ts";

const CLOCK_RATE = 90_000;
/** A change of the delay is played out by so much a second (libwebrtc). */
const SLEW = 0.1;

export class SimPlayout {
  /** What the sender asks for, microseconds. */
  wantedUs = 0;
  #delayUs = 0;
  #timestamp: number | null = null;
  /** `#timestamp` on a line without wraps, microseconds. */
  #mediaUs = 0;
  #fastestUs = Number.POSITIVE_INFINITY;
  #shownUs = Number.NEGATIVE_INFINITY;

  /** When the picture that has been decoded at `nowUs` is shown. In the order of showing. */
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
