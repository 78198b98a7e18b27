/**
 * Transport-wide feedback as news of packets that we sent: each arrival once, in the order of sending, on one timeline.
 *
 *     if (!acks.open(buffer, cursor)) return false;
 *     while (acks.next()) { … `acks.packets` sent at `acks.sentUs` arrived between `acks.firstArrivalUs` and `arrivalUs` … }
 *
 * What was sent in one turn and came together is told together: a frame is one piece of news and not ten. Numbers said
 * before, never sent or long forgotten are passed over. Losses are noted in the log.
 */
import type { RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../rtp/rtcp/transport-wide.ts";
import { FATE, type SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

/** The reference time has 24 bits of 64 ms. */
const REFERENCE_CYCLE_US = 2 ** 24 * 64_000;

/**
 * Packets sent at one instant are reported as one burst when the last arrived no later than this after the first. More
 * would blur when the bytes of a slow link arrived, less would report the packets of a frame one by one.
 */
const TOGETHER_US = 2_000;

export class Acknowledgements {
  /** Of the last of them. */
  extSeq = UNKNOWN_PACKET;
  sentUs = 0;
  /** By the receiver's clock. */
  firstArrivalUs = 0;
  arrivalUs = 0;
  /** Arrival of the packet reported before these. */
  priorArrivalUs = 0;
  packets = 0;
  /** Of all of them, except those already counted in `unreportedBytes`. */
  bytes = 0;
  /**
   * Of packets between the previous burst and this one whose report was lost. Most have arrived: leaving them out would
   * look as if the path had become slower.
   */
  unreportedBytes = 0;
  /** The newest packet that is known to have arrived, and when it was sent. */
  newestExtSeq = UNKNOWN_PACKET;
  newestSentUs = Number.NEGATIVE_INFINITY;
  readonly #log: SentPacketLog;
  readonly #reader = new TransportWideReader();
  /** The packet under the reader, when `#isAhead`: it starts the next burst. */
  #nextExtSeq = UNKNOWN_PACKET;
  #nextArrivalUs = 0;
  #isAhead = false;
  #begun = false;
  /** Of the first packet that has not been read. */
  #readExtSeq = 0;
  /** Numbers from the oldest until the end are known to the log. */
  #oldestExtSeq = 0;
  #endExtSeq = 0;
  #referenceUs = 0;
  #nextUnreportedBytes = 0;

  constructor(log: SentPacketLog) {
    this.#log = log;
  }

  /** Returns false when the message is malformed. */
  open(buffer: Uint8Array, cursor: RtcpCursor): boolean {
    this.#begun = false;
    this.#isAhead = false;
    const isWhole = this.#reader.open(buffer, cursor);
    this.#readExtSeq = this.#log.extend(this.#reader.seq);
    this.#oldestExtSeq = this.#log.oldestExtSeq;
    this.#endExtSeq = this.#log.nextExtSeq;
    return isWhole;
  }

  /** Moves to the next burst that is newly known to have arrived. Returns false when there is none. */
  next(): boolean {
    if (!this.#isAhead && !this.#advance()) return false;
    this.priorArrivalUs = this.arrivalUs;
    this.sentUs = this.#log.sentUs(this.#nextExtSeq);
    this.firstArrivalUs = this.#nextArrivalUs;
    this.packets = 0;
    this.bytes = 0;
    this.unreportedBytes = this.#nextUnreportedBytes;
    this.#nextUnreportedBytes = 0;
    do {
      this.#take();
      this.#isAhead = this.#advance();
    } while (this.#isAhead && this.#isTogether());
    if (this.extSeq > this.newestExtSeq) {
      this.newestExtSeq = this.extSeq;
      this.newestSentUs = this.sentUs;
    }
    return true;
  }

  /** Moves the reader to the next packet that is newly known to have arrived. */
  #advance(): boolean {
    const [log, reader] = [this.#log, this.#reader];
    while (reader.next()) {
      const extSeq = this.#readExtSeq + reader.lost;
      this.#readExtSeq = extSeq + 1;
      if (extSeq >= this.#endExtSeq || extSeq < this.#oldestExtSeq) continue;
      if (!this.#begun) this.#begin(extSeq - reader.lost, log.sentUs(extSeq));
      if (reader.lost > 0) log.setLost(extSeq, reader.lost);
      if (log.fate(extSeq) === FATE.received) continue;
      this.#nextExtSeq = extSeq;
      this.#nextArrivalUs = reader.arrivalUs + this.#referenceUs;
      return true;
    }
    log.setLost(this.#readExtSeq + reader.lost, reader.lost);
    return false;
  }

  /** The message begins with `fromExtSeq`; the packet under the reader left at `sentUs`, and came about as much later as it left. */
  #begin(fromExtSeq: number, sentUs: number): void {
    this.#begun = true;
    if (this.newestExtSeq === UNKNOWN_PACKET) return;
    const expectedUs = this.arrivalUs + sentUs - this.sentUs;
    const cycles = Math.round((expectedUs - this.#reader.arrivalUs) / REFERENCE_CYCLE_US);
    this.#referenceUs = cycles * REFERENCE_CYCLE_US;
    this.#nextUnreportedBytes += this.#log.setUnreported(this.newestExtSeq + 1, fromExtSeq);
  }

  /** Whether the next packet belongs to the burst. */
  #isTogether(): boolean {
    return (
      this.#nextArrivalUs >= this.arrivalUs &&
      this.#nextArrivalUs - this.firstArrivalUs <= TOGETHER_US &&
      this.#log.sentUs(this.#nextExtSeq) === this.sentUs
    );
  }

  #take(): void {
    const log = this.#log;
    const extSeq = this.#nextExtSeq;
    if (log.fate(extSeq) !== FATE.unreported) this.bytes += log.bytes(extSeq);
    log.setReceived(extSeq);
    this.extSeq = extSeq;
    this.arrivalUs = this.#nextArrivalUs;
    this.packets += 1;
  }
}
