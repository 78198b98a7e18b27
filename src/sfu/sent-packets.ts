/**
 * The packets that one down track sent lately: maps an outgoing sequence number to the publisher's packet and the numbers
 * that it went out with, so that a retransmission (RFC 4588) is the same packet again.
 *
 * One record per packet, not one column per fact: a receiver's rows have left the cache between two pictures, and each
 * column would be another fetch from memory, for its array and its row.
 *
 *   words | outExtSeq ×2 | sourceExtSeq ×2 | transportExtSeq ×2 | resentUs ×2 | timestamp | pictureId | frame | flags |
 */

import { UNKNOWN_PACKET } from "../cc/sent-packet-log.ts";
import { slabs } from "./slab-pool.ts";

/** Initial number of rows, a power of two: over a second at 4 Mbit/s of 1,100-byte packets. */
const ROWS = 512;

/** Rows once many packets are queued for pacing: as many as may be queued, and as `PacketHistory` keeps of a video. */
const MAX_ROWS = 1024;

const DOUBLES = 6;
const WORDS = 2 * DOUBLES;
const ROW_BYTES = 8 * DOUBLES;
const NO_SLAB = new Uint8Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_WORDS = new Int32Array(0);

const OUT_EXT_SEQ = 0;
const SOURCE_EXT_SEQ = 1;
const TRANSPORT_EXT_SEQ = 2;
const RESENT_US = 3;
const TIMESTAMP = 8;
const PICTURE_ID = 9;
const FRAME_NUMBER = 10;
/** TL0PICIDX + 1 in the lowest bits, above it the marker bit, above that the encoding. */
const FLAGS = 11;
const MARKER = 0x200;
const ENCODING_SHIFT = 10;
const TL0_MASK = 0x1ff;

/** `sourceExtSeq` of a packet that cannot be read back, or is not the publisher's: an empty one stands in for it. */
export const NO_SOURCE = -1;

/** In place of the row of a packet that was never sent or is forgotten. */
export const NOT_SENT = -1;

const ALL_ENCODINGS = -1;

/** `outExtSeq` of a row that was never used: below any number, also those before the first that a receiver may ask for. */
const UNUSED = Number.NEGATIVE_INFINITY;

/** The numbers of an outgoing packet; the last three are -1 where it has no such number. */
export interface SentNumbers {
  marker: boolean;
  timestamp: number;
  frameNumber: number;
  pictureId: number;
  tl0PicIdx: number;
}

/**
 * Its memory is allocated at the first packet: 24 KiB, which a receiver that only waits for a track does not need, and twice
 * as much once a frame is too large for that.
 */
export class SentPackets {
  #doubles: Float64Array = NO_DOUBLES;
  /** The same memory as 32-bit words. */
  #words: Int32Array = NO_WORDS;
  #slab: Uint8Array = NO_SLAB;
  #mask = ROWS - 1;

  /** Records `outExtSeq`, which is packet `sourceExtSeq` of `encoding`, the index of its UpStream. Returns the row. */
  add(outExtSeq: number, sourceExtSeq: number, encoding: number, numbers: Readonly<SentNumbers>): number {
    if (this.#words.length === 0) this.#allocate(ROWS);
    const row = outExtSeq & this.#mask;
    const doubles = this.#doubles;
    const words = this.#words;
    const at = row * DOUBLES;
    doubles[at + OUT_EXT_SEQ] = outExtSeq;
    doubles[at + SOURCE_EXT_SEQ] = sourceExtSeq;
    doubles[at + TRANSPORT_EXT_SEQ] = UNKNOWN_PACKET;
    doubles[at + RESENT_US] = Number.NEGATIVE_INFINITY;
    const wordAt = row * WORDS;
    words[wordAt + TIMESTAMP] = numbers.timestamp;
    words[wordAt + PICTURE_ID] = numbers.pictureId;
    words[wordAt + FRAME_NUMBER] = numbers.frameNumber;
    words[wordAt + FLAGS] =
      (encoding << ENCODING_SHIFT) | (numbers.marker ? MARKER : 0) | (numbers.tl0PicIdx + 1);
    return row;
  }

  /** The row of `outExtSeq`, or NOT_SENT. */
  find(outExtSeq: number): number {
    const row = outExtSeq & this.#mask;
    return this.#doubles[row * DOUBLES + OUT_EXT_SEQ] === outExtSeq ? row : NOT_SENT;
  }

  /** Whether the row of `outExtSeq` has gone to a number above it. */
  hasNewer(outExtSeq: number): boolean {
    return this.#doubles[(outExtSeq & this.#mask) * DOUBLES + OUT_EXT_SEQ]! > outExtSeq;
  }

  /** The number in `row`. */
  outExtSeq(row: number): number {
    return this.#doubles[row * DOUBLES + OUT_EXT_SEQ]!;
  }

  sourceExtSeq(row: number): number {
    return this.#doubles[row * DOUBLES + SOURCE_EXT_SEQ]!;
  }

  /** Extended transport-wide number under which it was last sent; UNKNOWN_PACKET before that. */
  transportExtSeq(row: number): number {
    return this.#doubles[row * DOUBLES + TRANSPORT_EXT_SEQ]!;
  }

  setTransportExtSeq(row: number, transportExtSeq: number): void {
    this.#doubles[row * DOUBLES + TRANSPORT_EXT_SEQ] = transportExtSeq;
  }

  /** When it was last retransmitted; negative infinity for never. */
  resentUs(row: number): number {
    return this.#doubles[row * DOUBLES + RESENT_US]!;
  }

  setResent(row: number, nowUs: number): void {
    this.#doubles[row * DOUBLES + RESENT_US] = nowUs;
  }

  /** Reads the numbers that the packet in `row` went out with into `out`. */
  read(row: number, out: SentNumbers): void {
    const words = this.#words;
    const at = row * WORDS;
    const flags = words[at + FLAGS]!;
    out.marker = (flags & MARKER) !== 0;
    out.timestamp = words[at + TIMESTAMP]! >>> 0;
    out.frameNumber = words[at + FRAME_NUMBER]!;
    out.pictureId = words[at + PICTURE_ID]!;
    out.tl0PicIdx = (flags & TL0_MASK) - 1;
  }

  /** Index of the UpStream within its track. */
  encoding(row: number): number {
    return this.#words[row * WORDS + FLAGS]! >> ENCODING_SHIFT;
  }

  /**
   * The packets of an encoding, by default of all, cannot be read back any more. Their numbers stay known: a receiver that
   * misses one waits for something under it.
   */
  forgetSource(encoding: number = ALL_ENCODINGS): void {
    const rows = this.#words.length / WORDS;
    for (let row = 0; row < rows; row++) {
      if (encoding === ALL_ENCODINGS || this.encoding(row) === encoding) this.forgetRow(row);
    }
  }

  /** The encodings have other indices: `indices[former]`. */
  onReorder(indices: readonly number[]): void {
    const words = this.#words;
    for (let at = FLAGS; at < words.length; at += WORDS) {
      const flags = words[at]!;
      const encoding = indices[flags >> ENCODING_SHIFT] ?? 0;
      words[at] = (encoding << ENCODING_SHIFT) | (flags & ((1 << ENCODING_SHIFT) - 1));
    }
  }

  /** The same for the packet in `row`. */
  forgetRow(row: number): void {
    this.#doubles[row * DOUBLES + SOURCE_EXT_SEQ] = NO_SOURCE;
    // An empty packet neither begins nor ends a frame.
    this.#words[row * WORDS + PICTURE_ID] = -1;
    this.#words[row * WORDS + FRAME_NUMBER] = -1;
    this.#words[row * WORDS + FLAGS]! &= ~(MARKER | TL0_MASK);
  }

  /** Grows to MAX_ROWS, unless it has: row indices change. Copies whole doubles, whatever they hold. */
  grow(): void {
    if (this.#mask === MAX_ROWS - 1 || this.#words.length === 0) return;
    const old = this.#doubles;
    const oldSlab = this.#slab;
    this.#allocate(MAX_ROWS);
    for (let at = 0; at < old.length; at += DOUBLES) {
      const outExtSeq = old[at + OUT_EXT_SEQ]!;
      if (outExtSeq !== UNUSED)
        this.#doubles.set(old.subarray(at, at + DOUBLES), (outExtSeq & this.#mask) * DOUBLES);
    }
    slabs.give(oldSlab);
  }

  /** The track has ended: gives the memory back, as if nothing had ever been sent. */
  free(): void {
    slabs.give(this.#slab);
    this.#slab = NO_SLAB;
    this.#doubles = NO_DOUBLES;
    this.#words = NO_WORDS;
  }

  #allocate(rows: number): void {
    this.#mask = rows - 1;
    this.#slab = slabs.take(rows * ROW_BYTES);
    this.#doubles = new Float64Array(this.#slab.buffer);
    this.#words = new Int32Array(this.#slab.buffer);
    for (let at = OUT_EXT_SEQ; at < this.#doubles.length; at += DOUBLES) this.#doubles[at] = UNUSED;
  }
}
