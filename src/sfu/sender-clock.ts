/**
 * What a publisher's sender reports say about one stream: which RTP timestamp belongs to which NTP time
 * (RFC 3550 §6.4.1). It keeps audio and video in sync, and timestamps continuous from one encoding to another.
 */
import { timestampDelta } from "../base/sequence.ts";

const US_PER_SECOND = 1_000_000;

export class SenderClock {
  /** False until the first sender report. */
  known = false;
  #ntpUs = 0;
  #timestamp = 0;
  /** When the last report came; negative infinity before the first. */
  receivedUs = Number.NEGATIVE_INFINITY;

  onSenderReport(ntpUs: number, timestamp: number, receivedUs: number): void {
    this.known = true;
    this.#ntpUs = ntpUs;
    this.#timestamp = timestamp;
    this.receivedUs = receivedUs;
  }

  /** The publisher's NTP time when it sampled `timestamp`, microseconds. */
  ntpUsAt(timestamp: number, clockRate: number): number {
    return this.#ntpUs + (timestampDelta(this.#timestamp, timestamp) * US_PER_SECOND) / clockRate;
  }

  /** The RTP timestamp of this stream, 32 bits, at the instant `ntpUs`. */
  timestampAt(ntpUs: number, clockRate: number): number {
    return (this.#timestamp + Math.round(((ntpUs - this.#ntpUs) * clockRate) / US_PER_SECOND)) >>> 0;
  }

  /** The publisher's NTP time now by its last report, not corrected for the delay of the path. */
  ntpUsNow(nowUs: number): number {
    return this.#ntpUs + (nowUs - this.receivedUs);
  }
}
