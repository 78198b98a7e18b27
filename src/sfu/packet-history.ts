/**
 * The latest packets of one UpStream as they were received (plaintext of the hop), for retransmission.
 *
 * Bytes lie one after another in a ring slab; columns indexed by `extSeq & mask` say where. One copy per packet
 * serves every receiver: each down track keeps only numbers.
 */
import { slabs } from "./slab-pool.ts";

/** In place of the row of a packet that never came or is gone. */
export const NOT_STORED = -1;

/**
 * Packets remembered, a power of two: at least over a second at 4 Mbit/s of 1,100-byte packets; of a large slab a row per
 * KiB, so that packets of that size fill it. More rows would never be used, fewer leave a part of the slab unused.
 */
const MIN_ROWS = 512;
const ROW_BYTES = 1024;

/**
 * A receiver asks again until about a second after a loss (NACK retries and a long round trip). When packets
 * younger than this would be overwritten, the slab doubles, until its limit.
 */
const KEEP_US = 1_000_000;

/** Of a row: number, place on the tape, size. */
const ROW_COLUMNS_BYTES = 8 + 8 + 2;
/** `extSeq` of a row without a packet: below any number, also those before the first that a retransmission may claim. */
const UNUSED = Number.NEGATIVE_INFINITY;
const NOTHING = new Uint8Array(0);
const NO_ROWS = new Float64Array(0);

export class PacketHistory {
  slab: Uint8Array;
  readonly #maxBytes: number;
  /** Position of the next packet on an endless tape: bytes ever written, unused ends of the slab included. */
  #written = 0;
  /** How far on the tape copies have reached: they include what lies behind a packet in its buffer. */
  #touched = 0;
  /** Memory of the columns, indexed by row. */
  #columns: Uint8Array;
  #extSeq: Float64Array;
  readonly #tape: Float64Array;
  readonly #bytes: Uint16Array;
  readonly #mask: number;
  /** When the tape last passed the start of the slab: at its end, the packets to be overwritten next are as old as this. */
  #lapStartedUs = 0;

  /** Sizes in bytes, powers of two; the slab grows from the first to the second when the bitrate asks for it. */
  constructor(startBytes: number, maxBytes: number) {
    this.slab = slabs.take(startBytes);
    this.#maxBytes = maxBytes;
    const rows = Math.max(MIN_ROWS, maxBytes / ROW_BYTES);
    this.#columns = slabs.take(rows * ROW_COLUMNS_BYTES);
    const { buffer } = this.#columns;
    this.#extSeq = new Float64Array(buffer, 0, rows).fill(UNUSED);
    this.#tape = new Float64Array(buffer, rows * 8, rows);
    this.#bytes = new Uint16Array(buffer, rows * 16, rows);
    this.#mask = rows - 1;
  }

  put(extSeq: number, packet: Uint8Array, bytes: number, nowUs: number): void {
    if (this.#written === 0) this.#lapStartedUs = nowUs;
    let at = this.#written % this.slab.length;
    if (at + bytes > this.slab.length) {
      if (this.#shouldGrow(nowUs)) {
        this.#grow();
        at = this.#written % this.slab.length;
      } else {
        this.#written += this.slab.length - at;
        at = 0;
      }
      this.#lapStartedUs = nowUs;
    }
    // The whole buffer where it fits: a view of just the packet would be an allocation per packet.
    const copied = at + packet.length <= this.slab.length ? packet : packet.subarray(0, bytes);
    this.slab.set(copied, at);
    this.#touched = Math.max(this.#touched, this.#written + copied.length);
    const row = extSeq & this.#mask;
    this.#extSeq[row] = extSeq;
    this.#tape[row] = this.#written;
    this.#bytes[row] = bytes;
    this.#written += bytes;
  }

  /** Packets that it remembers at most. */
  get rows(): number {
    return this.#mask + 1;
  }

  /** The row that holds `extSeq`, or NOT_STORED. */
  find(extSeq: number): number {
    const row = extSeq & this.#mask;
    if (this.#extSeq[row] !== extSeq) return NOT_STORED;
    return this.#touched - this.#tape[row]! <= this.slab.length ? row : NOT_STORED;
  }

  /** The stream has ended: gives the memory back; nothing may be put afterwards. */
  free(): void {
    slabs.give(this.slab);
    slabs.give(this.#columns);
    this.slab = NOTHING;
    this.#columns = NOTHING;
    this.#extSeq = NO_ROWS;
  }

  /** Where the packet of `row` starts in `slab`. */
  at(row: number): number {
    return this.#tape[row]! % this.slab.length;
  }

  bytes(row: number): number {
    return this.#bytes[row]!;
  }

  #shouldGrow(nowUs: number): boolean {
    return this.slab.length < this.#maxBytes && nowUs - this.#lapStartedUs < KEEP_US;
  }

  /**
   * Takes a slab twice as large. This lap of the tape stays where it is, what is left of the one before moves up by the old
   * size, and the tape is counted on from two such sizes:
   *
   *   | this lap ▸ free … | … what is left of the lap before |
   */
  #grow(): void {
    const old = this.slab;
    const { length } = old;
    const at = this.#written % length;
    const shift = 2 * length - (this.#written - at);
    this.slab = slabs.take(2 * length);
    this.slab.set(old.subarray(0, at));
    this.slab.set(old.subarray(at), length + at);
    slabs.give(old);
    for (let row = 0; row <= this.#mask; row++) {
      if (this.#touched - this.#tape[row]! > length) this.#extSeq[row] = UNUSED;
      this.#tape[row]! += shift;
    }
    this.#written += shift;
    this.#touched += shift;
  }
}
