/**
 * Reception of one outgoing stream, as its receiver reports it: loss, round-trip time (RFC 3550 §6.4.1), retransmissions.
 */
import { RoundTrip } from "../cc/round-trip.ts";
import type { ReportBlock } from "../rtp/rtcp/reports.ts";

/**
 * A report older than this says nothing of the path. Less would leave out voices, on which browsers report every five
 * seconds; more counts what has long been paused.
 */
const FRESH_US = 6_000_000;

export class ReceiverReports {
  /** Share of packets lost since the report before, in [0, 1]. */
  fractionLost = 0;
  retransmitted = 0;
  /** Packets between the latest report and the one before, and those of them that were lost. */
  #expected = 0;
  #lost = 0;
  #highestSeq = -1;
  #cumulativeLost = 0;
  #reportedUs = Number.NEGATIVE_INFINITY;
  #roundTrip = new RoundTrip();

  /** Latest round-trip time; 0 until one was measured. */
  get rttUs(): number {
    return this.#roundTrip.us;
  }

  /** The receiver has moved to another network. */
  onNewPath(): void {
    this.#roundTrip = new RoundTrip();
    this.fractionLost = 0;
    this.#reportedUs = Number.NEGATIVE_INFINITY;
  }

  onSenderReportSent(ntpUs: number, nowUs: number): void {
    this.#roundTrip.onSent(ntpUs, nowUs);
  }

  onReportBlock(block: ReportBlock, nowUs: number): void {
    const { fractionLost, highestSeq, cumulativeLost, lastSr, delaySinceLastSr } = block;
    this.fractionLost = fractionLost / 256;
    // The first has none before it.
    const expected = this.#highestSeq < 0 ? 0 : (highestSeq - this.#highestSeq) | 0;
    this.#expected = Math.max(0, expected);
    this.#lost = Math.min(Math.max(0, cumulativeLost - this.#cumulativeLost), this.#expected);
    this.#highestSeq = highestSeq;
    this.#cumulativeLost = cumulativeLost;
    this.#reportedUs = nowUs;
    this.#roundTrip.onEcho(lastSr, delaySinceLastSr, nowUs);
  }

  /**
   * Share lost of all that one receiver was sent, in [0, 1], by the latest report on each stream: of a stream with few
   * packets each loss is a large share, and says little.
   */
  static lossOf(streams: readonly { readonly reports: ReceiverReports }[], nowUs: number): number {
    let expected = 0;
    let lost = 0;
    for (const { reports } of streams) {
      if (nowUs - reports.#reportedUs > FRESH_US) continue;
      expected += reports.#expected;
      lost += reports.#lost;
    }
    return expected === 0 ? 0 : lost / expected;
  }
}
