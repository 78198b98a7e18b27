/**
 * Arrival times of one publisher's packets by transport-wide sequence number, and the feedback about them. The publisher
 * estimates its bandwidth from these, so times and losses must be exact, across wraps and reordering.
 */
import { extendSeq } from "../base/sequence.ts";
import { type ArrivalReport, writeTransportWide } from "../rtp/rtcp/transport-wide.ts";

/** Packets remembered, a power of two: at 50 ms between reports enough for 10,000 packets a second. */
const ROWS = 1024;
const MASK = ROWS - 1;

/** libwebrtc reports every 50 to 250 ms; more often makes the estimate quicker and costs 40 bytes a time. */
const INTERVAL_US = 50_000;

export class ArrivalRecorder implements ArrivalReport {
  baseSeq = 0;
  count = 0;
  feedbackCount = 0;
  /** Allocated at the first packet: 16 KiB that a transport which only receives from us does not need. */
  #seq = new Float64Array(0);
  #arrivalUs = new Float64Array(0);
  #highest = -1;
  /** The first packet that the next feedback covers. */
  #from = 0;
  #pending = false;
  #reportedUs = Number.NEGATIVE_INFINITY;
  readonly #ends = { end: 0 };

  /** A packet with this 16-bit transport-wide sequence number has arrived. Of a duplicate the first arrival counts. */
  onPacket(transportSeq: number, arrivalUs: number): void {
    const first = this.#highest < 0;
    // A cycle up, so that packets before the first are not negative.
    const seq = first ? transportSeq + 0x10000 : extendSeq(this.#highest, transportSeq);
    if (first) {
      this.#from = seq;
      this.#seq = new Float64Array(ROWS).fill(-1);
      this.#arrivalUs = new Float64Array(ROWS);
    }
    if (seq <= this.#highest - ROWS) return;
    const row = seq & MASK;
    if (this.#seq[row] === seq) return;
    this.#seq[row] = seq;
    this.#arrivalUs[row] = arrivalUs;
    if (seq > this.#highest) this.#highest = seq;
    // A late packet is reported together with those after it, again, as libwebrtc does; a jump leaves its gap unreported.
    if (seq < this.#from) this.#from = seq;
    if (this.#highest - this.#from >= ROWS) this.#from = this.#highest - ROWS + 1;
    this.#pending = true;
  }

  due(nowUs: number): boolean {
    return this.#pending && nowUs - this.#reportedUs >= INTERVAL_US;
  }

  /** Writes one feedback message at `out[at]`. Returns where it ends. More may be due at once after it. */
  write(nowUs: number, out: Uint8Array, at: number, senderSsrc: number, mediaSsrc: number): number {
    this.baseSeq = this.#from;
    this.count = this.#highest - this.#from + 1;
    const reported = writeTransportWide(out, at, senderSsrc, mediaSsrc, this, this.#ends);
    this.feedbackCount = (this.feedbackCount + 1) & 0xff;
    this.#from += reported;
    this.#pending = this.#from <= this.#highest;
    if (!this.#pending) this.#reportedUs = nowUs;
    return this.#ends.end;
  }

  arrivalUs(index: number): number {
    const seq = this.baseSeq + index;
    return this.#seq[seq & MASK] === seq ? this.#arrivalUs[seq & MASK]! : -1;
  }
}
