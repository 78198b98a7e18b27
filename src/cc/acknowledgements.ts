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
import { FATE, REMEMBERED_PACKETS, type SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

/** The reference time has 24 bits of 64 ms. */
const REFERENCE_CYCLE_US = 2 ** 24 * 64_000;

/**
 * Packets sent at one instant are reported as one burst when the last arrived no later than this after the first. More
 * would blur when the bytes of a slow link arrived, less would report the packets of a frame one by one.
 */
const TOGETHER_US = 2_000;

const reader = new TransportWideReader();

/**
 * The news of one message, whosever it is: it is told to its end before the next one is opened. Each packet once, so no more
 * than are remembered.
 */
const newsExtSeq = new Float64Array(REMEMBERED_PACKETS);
const newsArrivalUs = new Float64Array(REMEMBERED_PACKETS);

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
  /** Packets that are news in the message, and how many of them have been told. */
  #count = 0;
  #told = 0;
  #referenceUs = 0;
  #nextUnreportedBytes = 0;

  constructor(log: SentPacketLog) {
    this.#log = log;
  }

  /** Reads a message whole, and notes its losses. Returns false when it is malformed. */
  open(buffer: Uint8Array, cursor: RtcpCursor): boolean {
    const isWhole = reader.open(buffer, cursor);
    this.#count = isWhole ? this.#read() : 0;
    this.#told = 0;
    return isWhole;
  }

  /** Moves to the next burst that is newly known to have arrived. Returns false when there is none. */
  next(): boolean {
    const first = this.#told;
    if (first === this.#count) return false;
    this.priorArrivalUs = this.arrivalUs;
    this.sentUs = this.#log.sentUs(newsExtSeq[first]!);
    this.firstArrivalUs = newsArrivalUs[first]!;
    this.bytes = 0;
    this.unreportedBytes = this.#nextUnreportedBytes;
    this.#nextUnreportedBytes = 0;
    do this.#take();
    while (this.#told < this.#count && this.#isTogether(this.#told));
    this.packets = this.#told - first;
    if (this.extSeq > this.newestExtSeq) {
      this.newestExtSeq = this.extSeq;
      this.newestSentUs = this.sentUs;
    }
    return true;
  }

  /** Gathers the news of the message under the reader. Returns how many packets they are about. */
  #read(): number {
    const log = this.#log;
    const { oldestExtSeq, nextExtSeq } = log;
    let extSeq = log.extend(reader.seq);
    let begun = false;
    let count = 0;
    for (; reader.next(); extSeq++) {
      extSeq += reader.lost;
      if (extSeq >= nextExtSeq || extSeq < oldestExtSeq) continue;
      if (!begun) this.#begin(extSeq - reader.lost, log.sentUs(extSeq));
      begun = true;
      if (reader.lost > 0) log.setLost(extSeq, reader.lost);
      if (log.fate(extSeq) === FATE.received) continue;
      newsExtSeq[count] = extSeq;
      newsArrivalUs[count] = reader.arrivalUs + this.#referenceUs;
      count += 1;
    }
    log.setLost(extSeq + reader.lost, reader.lost);
    return count;
  }

  /** The message begins with `fromExtSeq`; the packet under the reader left at `sentUs`, and came about as much later as it left. */
  #begin(fromExtSeq: number, sentUs: number): void {
    if (this.newestExtSeq === UNKNOWN_PACKET) return;
    const expectedUs = this.arrivalUs + sentUs - this.sentUs;
    const cycles = Math.round((expectedUs - reader.arrivalUs) / REFERENCE_CYCLE_US);
    this.#referenceUs = cycles * REFERENCE_CYCLE_US;
    this.#nextUnreportedBytes += this.#log.setUnreported(this.newestExtSeq + 1, fromExtSeq);
  }

  /** Whether the packet at `at` belongs to the burst. */
  #isTogether(at: number): boolean {
    const arrivalUs = newsArrivalUs[at]!;
    return (
      arrivalUs >= this.arrivalUs &&
      arrivalUs - this.firstArrivalUs <= TOGETHER_US &&
      this.#log.sentUs(newsExtSeq[at]!) === this.sentUs
    );
  }

  #take(): void {
    const log = this.#log;
    const extSeq = newsExtSeq[this.#told]!;
    if (log.fate(extSeq) !== FATE.unreported) this.bytes += log.bytes(extSeq);
    log.setReceived(extSeq);
    this.extSeq = extSeq;
    this.arrivalUs = newsArrivalUs[this.#told]!;
    this.#told += 1;
  }
}
