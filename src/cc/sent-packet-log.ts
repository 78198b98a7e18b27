/**
 * What was sent under which transport-wide number, and what became of it: one record each, found by the number's low bits.
 * One and not a column a fact: with many receivers each fact would be fetched from memory on its own.
 *
 *   words | sent, µs ×2 | number in its stream ×2 | bytes, fate | SSRC |
 *
 * A number that was never sent, or so long ago that its row has been used again, is unknown here, whatever feedback says
 * of it.
 */
import { extendSeq } from "../base/sequence.ts";

/**
 * Packets remembered, a power of two: 20 Mbit/s of 1,200-byte packets for a second. More costs 24 bytes each in every
 * transport, fewer forgets what a long path has yet to acknowledge.
 */
export const REMEMBERED_PACKETS = 2048;
const MASK = REMEMBERED_PACKETS - 1;

const DOUBLES = 3;
const WORDS = 2 * DOUBLES;
const SENT_US = 0;
const STREAM_EXT_SEQ = 1;
const BYTES_AND_FATE = 4;
const SSRC = 5;
const FATE_SHIFT = 16;
const BYTES_MASK = 0xffff;

/** `ssrc` of a packet that belongs to no stream: padding. */
export const NO_STREAM = 0;

/** `unreported`: later feedback has skipped the packet, so a feedback message was lost. */
export const FATE = { unknown: 0, lost: 1, received: 2, unreported: 3 } as const;

export const UNKNOWN_PACKET = -1;

/** Bytes by what became of them; of those sent, some are of neither fate. */
export interface FateSums {
  sentBytes: number;
  receivedBytes: number;
  lostBytes: number;
}

export class SentPacketLog {
  /** Extended number of the next packet. */
  nextExtSeq: number;
  /** The highest number that was ever reported lost. */
  lastLostExtSeq = UNKNOWN_PACKET;
  readonly #firstExtSeq: number;
  /** Allocated at the first packet: 48 KiB that a transport which only publishes does not need. */
  #doubles = new Float64Array(0);
  /** The same memory, as 32-bit words. */
  #words = new Int32Array(0);

  /** `firstExtSeq`: of the first packet; at least 2^16, so that no number before it is negative. */
  constructor(firstExtSeq = 0x10000) {
    this.nextExtSeq = firstExtSeq;
    this.#firstExtSeq = firstExtSeq;
  }

  /** Of the packets remembered. */
  get oldestExtSeq(): number {
    return Math.max(this.nextExtSeq - REMEMBERED_PACKETS, this.#firstExtSeq);
  }

  /** Of the latest packet; negative infinity before the first. */
  get lastSentUs(): number {
    return this.nextExtSeq === this.#firstExtSeq
      ? Number.NEGATIVE_INFINITY
      : this.sentUs(this.nextExtSeq - 1);
  }

  /** `ssrc` and `streamExtSeq`: the stream that the packet is of, and its extended number there. */
  onSent(wireBytes: number, nowUs: number, ssrc: number, streamExtSeq: number): void {
    if (this.#words.length === 0) this.#allocate();
    const row = this.nextExtSeq & MASK;
    const doubles = this.#doubles;
    const words = this.#words;
    doubles[row * DOUBLES + SENT_US] = nowUs;
    doubles[row * DOUBLES + STREAM_EXT_SEQ] = streamExtSeq;
    words[row * WORDS + BYTES_AND_FATE] = wireBytes;
    words[row * WORDS + SSRC] = ssrc;
    this.nextExtSeq += 1;
  }

  /** The extended number of `seq` on the wire, sent or not. */
  extend(seq: number): number {
    return extendSeq(this.nextExtSeq, seq);
  }

  sentUs(extSeq: number): number {
    return this.#doubles[(extSeq & MASK) * DOUBLES + SENT_US]!;
  }

  bytes(extSeq: number): number {
    return this.#bytesAndFate(extSeq) & BYTES_MASK;
  }

  fate(extSeq: number): number {
    return this.#bytesAndFate(extSeq) >> FATE_SHIFT;
  }

  /** NO_STREAM for padding. */
  ssrc(extSeq: number): number {
    return this.#words[(extSeq & MASK) * WORDS + SSRC]! >>> 0;
  }

  streamExtSeq(extSeq: number): number {
    return this.#doubles[(extSeq & MASK) * DOUBLES + STREAM_EXT_SEQ]!;
  }

  setReceived(extSeq: number): void {
    this.#setFate(extSeq, FATE.received);
  }

  /** The `count` packets before `endExtSeq` were reported lost, except those that are known to have arrived. */
  setLost(endExtSeq: number, count: number): void {
    const end = Math.min(endExtSeq, this.nextExtSeq);
    for (let extSeq = Math.max(endExtSeq - count, this.oldestExtSeq); extSeq < end; extSeq++) {
      if (this.fate(extSeq) === FATE.received) continue;
      this.#setFate(extSeq, FATE.lost);
      if (extSeq > this.lastLostExtSeq) this.lastLostExtSeq = extSeq;
    }
  }

  /** Feedback has skipped the packets from `fromExtSeq` to `endExtSeq`. Returns the bytes of those that had no fate yet. */
  setUnreported(fromExtSeq: number, endExtSeq: number): number {
    let bytes = 0;
    for (let extSeq = Math.max(fromExtSeq, this.oldestExtSeq); extSeq < endExtSeq; extSeq++) {
      if (this.fate(extSeq) !== FATE.unknown) continue;
      this.#setFate(extSeq, FATE.unreported);
      bytes += this.bytes(extSeq);
    }
    return bytes;
  }

  /**
   * Adds to `sums` what became of the packets from `fromExtSeq` on that were sent until `lastUs`, and before `endUs`. Returns
   * the number after them.
   */
  sum(fromExtSeq: number, lastUs: number, endUs: number, sums: FateSums): number {
    let extSeq = fromExtSeq;
    for (; extSeq < this.nextExtSeq; extSeq++) {
      const sentUs = this.sentUs(extSeq);
      if (sentUs > lastUs || sentUs >= endUs) break;
      const bytes = this.bytes(extSeq);
      const fate = this.fate(extSeq);
      sums.sentBytes += bytes;
      if (fate === FATE.received) sums.receivedBytes += bytes;
      else if (fate === FATE.lost) sums.lostBytes += bytes;
    }
    return extSeq;
  }

  /** In [0, 1], of the bytes up to `lastExtSeq` that were sent after `afterUs`; 0 where there are none. */
  lostShare(lastExtSeq: number, afterUs: number): number {
    let bytes = 0;
    for (let extSeq = lastExtSeq; extSeq >= this.oldestExtSeq && this.sentUs(extSeq) > afterUs; extSeq--) {
      bytes += this.bytes(extSeq);
    }
    return bytes === 0 ? 0 : this.lostBytes(0, lastExtSeq, afterUs) / bytes;
  }

  /** Of the packets from `fromExtSeq` to `lastExtSeq` that were sent after `afterUs`. */
  lostBytes(fromExtSeq: number, lastExtSeq: number, afterUs: number): number {
    let bytes = 0;
    for (let extSeq = Math.max(fromExtSeq, this.oldestExtSeq); extSeq <= lastExtSeq; extSeq++) {
      if (this.fate(extSeq) === FATE.lost && this.sentUs(extSeq) > afterUs) bytes += this.bytes(extSeq);
    }
    return bytes;
  }

  #bytesAndFate(extSeq: number): number {
    return this.#words[(extSeq & MASK) * WORDS + BYTES_AND_FATE]!;
  }

  #setFate(extSeq: number, fate: number): void {
    const at = (extSeq & MASK) * WORDS + BYTES_AND_FATE;
    this.#words[at] = (this.#words[at]! & BYTES_MASK) | (fate << FATE_SHIFT);
  }

  #allocate(): void {
    this.#doubles = new Float64Array(REMEMBERED_PACKETS * DOUBLES);
    this.#words = new Int32Array(this.#doubles.buffer);
  }
}
