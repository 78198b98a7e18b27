/**
 * Reception of one outgoing stream, as its receiver reports it: loss, round-trip time (RFC 3550 §6.4.1), retransmissions.
 */
import { RoundTrip } from "../cc/round-trip.ts";
import type { ReportBlock } from "../rtp/rtcp/reports.ts";

/** Where the count of losses ends: it has 24 bits with sign. Receivers stay there. */
const MOST_CUMULATIVE_LOST = 0x7fffff;

export class ReceiverReports {
  /** Share of packets lost since the report before, in [0, 1]. */
  fractionLost = 0;
  retransmitted = 0;
  /** Packets between the latest report and the one before, and those of them that were lost. */
  expected = 0;
  lost = 0;
  /** -1 where the next report has none before it. */
  #highestSeq = -1;
  #cumulativeLost = 0;
  #roundTrip = new RoundTrip();

  /** Latest round-trip time; 0 until one was measured. */
  get rttUs(): number {
    return this.#roundTrip.us;
  }

  /** The receiver has moved to another network. */
  onNewPath(): void {
    this.#roundTrip = new RoundTrip();
    this.fractionLost = 0;
    this.#highestSeq = -1;
  }

  onSenderReportSent(ntpUs: number, nowUs: number): void {
    this.#roundTrip.onSent(ntpUs, nowUs);
  }

  onReportBlock(block: ReportBlock, nowUs: number): void {
    const { fractionLost, highestSeq, cumulativeLost, lastSr, delaySinceLastSr } = block;
    this.fractionLost = fractionLost / 256;
    const expected = this.#highestSeq < 0 ? 0 : (highestSeq - this.#highestSeq) | 0;
    this.expected = Math.max(0, expected);
    const lost =
      cumulativeLost === MOST_CUMULATIVE_LOST
        ? Math.round(this.fractionLost * this.expected)
        : cumulativeLost - this.#cumulativeLost;
    this.lost = Math.min(Math.max(0, lost), this.expected);
    this.#highestSeq = highestSeq;
    this.#cumulativeLost = cumulativeLost;
    this.#roundTrip.onEcho(lastSr, delaySinceLastSr, nowUs);
  }
}
