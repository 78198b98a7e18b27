/** The receiver of a subscriber transport: records arrivals by its own clock and reports them as Chromium does. */
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";

/** Feedback takes a twentieth of the rate received, every 50 to 250 ms. */
const SHARE = 0.05;
const FEEDBACK_BITS = 68 * 8;
const MIN_INTERVAL_US = 50_000;
const MAX_INTERVAL_US = 250_000;

export class FeedbackReceiver {
  receivedBytes = 0;
  readonly #recorder = new ArrivalRecorder();
  readonly #clockOffsetUs: number;
  readonly #clockRate: number;
  #nextUs = 0;
  #lastUs = 0;
  #reportedBytes = 0;

  /** Its clock is ahead by `clockOffsetUs`, and runs faster by `driftPpm`. */
  constructor(clockOffsetUs: number, driftPpm: number) {
    this.#clockOffsetUs = clockOffsetUs;
    this.#clockRate = 1 + driftPpm / 1_000_000;
  }

  receive(seq: number, bytes: number, arrivalUs: number): void {
    this.receivedBytes += bytes;
    this.#recorder.onPacket(seq, this.#clockUs(arrivalUs));
  }

  /** Returns the feedback that is due. */
  poll(nowUs: number): Uint8Array[] {
    if (nowUs < this.#nextUs) return [];
    const bits = (this.receivedBytes - this.#reportedBytes) * 8;
    const intervalUs = (FEEDBACK_BITS * (nowUs - this.#lastUs)) / (SHARE * bits);
    this.#nextUs = nowUs + Math.min(Math.max(intervalUs, MIN_INTERVAL_US), MAX_INTERVAL_US);
    this.#lastUs = nowUs;
    this.#reportedBytes = this.receivedBytes;
    const messages: Uint8Array[] = [];
    while (this.#recorder.due(this.#clockUs(nowUs))) {
      const out = new Uint8Array(1_500);
      messages.push(out.subarray(0, this.#recorder.write(this.#clockUs(nowUs), out, 0, 1, 2)));
    }
    return messages;
  }

  #clockUs(nowUs: number): number {
    return nowUs * this.#clockRate + this.#clockOffsetUs;
  }
}
