/** What one receiver says about one outgoing stream: loss, round-trip time (RFC 3550 §6.4.1), what it asked again. */
import { RoundTrip } from "../cc/round-trip.ts";

export class ReceiverReports {
  /** Share of packets lost since the report before, in [0, 1]. */
  fractionLost = 0;
  retransmitted = 0;
  #roundTrip = new RoundTrip();

  /** Latest round-trip time; 0 until one was measured. */
  get rttUs(): number {
    return this.#roundTrip.us;
  }

  /** The receiver has moved to another network. */
  onNewPath(): void {
    this.#roundTrip = new RoundTrip();
    this.fractionLost = 0;
  }

  onSenderReportSent(ntpUs: number, nowUs: number): void {
    this.#roundTrip.onSent(ntpUs, nowUs);
  }

  /** `lastSr` and `delay` as on the wire: middle NTP bits, and 1/65536 s. */
  onReportBlock(fractionLost: number, lastSr: number, delay: number, nowUs: number): void {
    this.fractionLost = fractionLost / 256;
    this.#roundTrip.onEcho(lastSr, delay, nowUs);
  }
}
