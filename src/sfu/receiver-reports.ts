/** What one receiver says about one outgoing stream: loss, round-trip time (RFC 3550 §6.4.1), what it asked again. */
import { ntpMiddle } from "../base/ntp.ts";

/** Sender reports remembered to answer for round-trip times: a receiver reports on the last two or three. */
const REMEMBERED = 4;

export class ReceiverReports {
  /** Share of packets lost since the report before, in [0, 1]. */
  fractionLost = 0;
  /** Latest round-trip time; 0 until one was measured. */
  rttUs = 0;
  retransmitted = 0;
  /** The receiver has reported on this SSRC, so it knows which section it belongs to. */
  seen = false;
  readonly #middle = new Uint32Array(REMEMBERED);
  readonly #sentUs = new Float64Array(REMEMBERED);
  #next = 0;

  onSenderReportSent(ntpUs: number, nowUs: number): void {
    this.#middle[this.#next] = ntpMiddle(ntpUs);
    this.#sentUs[this.#next] = nowUs;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** `lastSr` and `delay` as on the wire: middle NTP bits, and 1/65536 s. */
  onReportBlock(fractionLost: number, lastSr: number, delay: number, nowUs: number): void {
    this.seen = true;
    this.fractionLost = fractionLost / 256;
    const sent = this.#middle.indexOf(lastSr);
    if (lastSr === 0 || sent === -1) return;
    const rttUs = nowUs - this.#sentUs[sent]! - Math.round((delay * 1_000_000) / 65_536);
    if (rttUs >= 0) this.rttUs = rttUs;
  }
}
