/** What a receiver report says about one incoming stream (RFC 3550 §6.4.1, §A.3, §A.8). */
import { ntpMiddle } from "../base/ntp.ts";
import { timestampDelta } from "../base/sequence.ts";
import type { ReportBlock } from "../rtp/rtcp/reports.ts";

const US_PER_SECOND = 1_000_000;
/** The wire has 24 signed bits for the losses of a session. */
const MAX_CUMULATIVE_LOST = 0x7fffff;
/**
 * A transit time that changes by more is no jitter but a break in the timeline (a camera switched, a laptop asleep).
 * Larger would spoil the estimate for minutes, smaller would leave out congested networks.
 */
const MAX_JITTER_SECONDS = 5;

export class ReceiveStatistics {
  highestExtSeq = -1;
  readonly #clockRate: number;
  #firstExtSeq = 0;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** Timestamp units, times 16 as in §A.8, to round well. */
  #jitter16 = 0;
  #lastTimestamp = 0;
  #lastArrivalUs = 0;
  #lastSr = 0;
  #lastSrUs = 0;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get cumulativeLost(): number {
    return Math.min(this.#expected - this.#received, MAX_CUMULATIVE_LOST);
  }

  /** A packet on the stream's own SSRC; retransmissions do not count (RFC 4588 §5.2). */
  onPacket(extSeq: number, timestamp: number, arrivalUs: number): void {
    if (this.highestExtSeq < 0) this.#firstExtSeq = extSeq;
    else this.#updateJitter(timestamp, arrivalUs);
    this.#received += 1;
    this.#lastTimestamp = timestamp;
    this.#lastArrivalUs = arrivalUs;
    if (extSeq > this.highestExtSeq) this.highestExtSeq = extSeq;
  }

  onSenderReport(ntpUs: number, nowUs: number): void {
    this.#lastSr = ntpMiddle(ntpUs);
    this.#lastSrUs = nowUs;
  }

  /** The block for a report sent now; the fraction lost is since the one before. */
  report(ssrc: number, nowUs: number): ReportBlock {
    const expected = this.#expected - this.#expectedPrior;
    const lost = expected - (this.#received - this.#receivedPrior);
    this.#expectedPrior = this.#expected;
    this.#receivedPrior = this.#received;
    const delayUs = nowUs - this.#lastSrUs;
    return {
      ssrc,
      // Below 256: numbers go up only with a packet received.
      fractionLost: lost <= 0 ? 0 : Math.floor((lost * 256) / expected),
      cumulativeLost: this.cumulativeLost,
      highestSeq: Math.max(0, this.highestExtSeq) % 0x1_0000_0000,
      jitter: this.#jitter16 >>> 4,
      lastSr: this.#lastSr,
      delaySinceLastSr: this.#lastSr === 0 ? 0 : Math.round((delayUs * 65_536) / US_PER_SECOND),
    };
  }

  get #expected(): number {
    return this.highestExtSeq - this.#firstExtSeq + 1;
  }

  /** Packets of one frame share a timestamp and add nothing that is jitter. */
  #updateJitter(timestamp: number, arrivalUs: number): void {
    if (timestamp === this.#lastTimestamp) return;
    const arrived = ((arrivalUs - this.#lastArrivalUs) * this.#clockRate) / US_PER_SECOND;
    const transit = Math.abs(arrived - timestampDelta(this.#lastTimestamp, timestamp));
    if (transit > MAX_JITTER_SECONDS * this.#clockRate) return;
    this.#jitter16 += Math.round(transit) - ((this.#jitter16 + 8) >> 4);
  }
}
