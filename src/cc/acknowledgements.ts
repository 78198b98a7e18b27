/**
 * Transport-wide feedback as news of packets that we sent: each arrival once, in the order of sending, on one timeline.
 *
 *     if (!acks.open(buffer, cursor)) return false;
 *     while (acks.next()) { … packet `acks.extSeq`, sent at `acks.sentUs`, arrived at `acks.arrivalUs` … }
 *
 * Numbers said before, never sent or long forgotten are passed over. Losses are noted in the log.
 */
import type { RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../rtp/rtcp/transport-wide.ts";
import { FATE, type SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

/** The reference time has 24 bits of 64 ms. */
const REFERENCE_CYCLE_US = 2 ** 24 * 64_000;

export class Acknowledgements {
  extSeq = UNKNOWN_PACKET;
  sentUs = 0;
  /** By the receiver's clock. */
  arrivalUs = 0;
  /** When the packet told before this one arrived. */
  priorArrivalUs = 0;
  /** Of this packet; 0 when they have been told as unreported. */
  bytes = 0;
  /**
   * Of packets between the one before and this whose report was lost. Most have come: to leave them out would look as if
   * the path had become slower.
   */
  unreportedBytes = 0;
  /** The newest packet that is known to have come, and when it was sent. */
  newestExtSeq = UNKNOWN_PACKET;
  newestSentUs = Number.NEGATIVE_INFINITY;
  readonly #log: SentPacketLog;
  readonly #reader = new TransportWideReader();
  #begun = false;
  #referenceUs = 0;

  constructor(log: SentPacketLog) {
    this.#log = log;
  }

  /** Returns false when the message is malformed. */
  open(buffer: Uint8Array, cursor: RtcpCursor): boolean {
    this.#begun = false;
    return this.#reader.open(buffer, cursor);
  }

  /** Moves to the next packet that is now known to have come. */
  next(): boolean {
    const reader = this.#reader;
    while (reader.next()) {
      const extSeq = this.#log.find(reader.seq);
      if (extSeq === UNKNOWN_PACKET) continue;
      const unreportedBytes = this.#begun ? 0 : this.#begin(extSeq - reader.lost);
      if (reader.lost > 0) this.#log.setLost(extSeq, reader.lost);
      const fate = this.#log.fate(extSeq);
      if (fate === FATE.received) continue;
      this.unreportedBytes = unreportedBytes;
      this.bytes = fate === FATE.unreported ? 0 : this.#log.bytes(extSeq);
      this.#take(extSeq);
      return true;
    }
    if (reader.lost > 0) this.#noteLossesBefore(reader.seq, reader.lost);
    return false;
  }

  /** The message begins with `fromExtSeq`. Returns the bytes of which no message has spoken. */
  #begin(fromExtSeq: number): number {
    this.#begun = true;
    if (this.newestExtSeq === UNKNOWN_PACKET) return 0;
    const cycles = Math.round((this.arrivalUs - this.#reader.arrivalUs) / REFERENCE_CYCLE_US);
    this.#referenceUs = cycles * REFERENCE_CYCLE_US;
    return this.#log.setUnreported(this.newestExtSeq + 1, fromExtSeq);
  }

  #take(extSeq: number): void {
    this.#log.setReceived(extSeq);
    this.priorArrivalUs = this.arrivalUs;
    this.extSeq = extSeq;
    this.sentUs = this.#log.sentUs(extSeq);
    this.arrivalUs = this.#reader.arrivalUs + this.#referenceUs;
    if (extSeq <= this.newestExtSeq) return;
    this.newestExtSeq = extSeq;
    this.newestSentUs = this.sentUs;
  }

  #noteLossesBefore(seq: number, count: number): void {
    const last = this.#log.find((seq - 1) & 0xffff);
    if (last !== UNKNOWN_PACKET) this.#log.setLost(last + 1, count);
  }
}
