/**
 * Round-trip time by the echo of a time that we sent: of a sender report in a report block (RFC 3550 §6.4.1), of a
 * receiver reference time in DLRR (RFC 3611 §4.5).
 */
import { ntpMiddle } from "../base/ntp.ts";

/** Times remembered: a peer echoes one of the last two or three. */
const REMEMBERED = 4;

export class RoundTrip {
  /** The latest, microseconds; 0 until one was measured. */
  us = 0;
  readonly #middle = new Uint32Array(REMEMBERED);
  readonly #sentUs = new Float64Array(REMEMBERED);
  #next = 0;

  /** `ntpUs` was sent at `nowUs`. */
  onSent(ntpUs: number, nowUs: number): void {
    this.#middle[this.#next] = ntpMiddle(ntpUs);
    this.#sentUs[this.#next] = nowUs;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** The echo, as on the wire: `ntpMiddle` of the time (0: none), and how long the peer held it, in 1/65536 s. */
  onEcho(middle: number, delay: number, nowUs: number): void {
    const sent = this.#middle.indexOf(middle);
    if (middle === 0 || sent === -1) return;
    const rttUs = nowUs - this.#sentUs[sent]! - Math.round((delay * 1_000_000) / 65_536);
    if (rttUs >= 0) this.us = rttUs;
  }
}
