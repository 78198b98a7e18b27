/**
 * Outgoing datagrams of one event-loop turn, in one slab allocated at start. A turn that sends many empties it more than once.
 *
 * Three passes, each a plain loop over rows: the core writes plaintext packets, the sealer encrypts RTP rows in
 * place, the socket sends them. Nothing is allocated per packet, and each pass may be swapped (another cipher,
 * another socket) without the others knowing.
 *
 * A turn may bring packets of several streams, so the rows of one path are not always next to each other. They are
 * chained in the order in which they were written: whoever wants them together follows `nextRow` from `firstRows`.
 */
import type { PathId } from "./ids.ts";

/**
 * Room for one datagram and its SRTP tag. 1,500 bytes is the largest that Ethernet carries; a larger slot would
 * only cost cache, a smaller one would drop legal packets. A power of two keeps the offset a shift.
 */
export const SLOT_BYTES = 2048;
const SLOT_SHIFT = 11;

/** The largest packet the core may write to a slot: leaves room for a tag and keeps off IP fragmentation. */
export const MAX_PACKET_BYTES = 1500;

/** `session` of a row that is sent as it is (STUN, DTLS, SRTCP sealed when it was written). */
export const NO_SESSION = -1;

/** Ends a chain of rows. */
export const NO_ROW = -1;

/**
 * Rows, 2 KiB each, that are sent while the core's cache holds them. More would be fetched from memory again to be sealed and to
 * be sent, fewer would take more system calls.
 */
const WARM_ROWS = 64;

/**
 * Packets of a receiver from which on they are sent early. Where there are fewer, others of the same turn may go with them, in
 * one message.
 */
const LONG_RUN = 4;

/** Paths for which a ring has room at first; doubled when needed. */
const INITIAL_PATHS = 64;

export class TransmitRing {
  /** Row `i` starts at `i * SLOT_BYTES`. */
  slab: Uint8Array;
  /** Columns, indexed by row in [0, count). */
  readonly bytes: Uint16Array;
  readonly path: Int32Array;
  /** Index of the sending SRTP session that seals this row, or NO_SESSION. */
  readonly session: Int32Array;
  /** RTP header with its extensions: the encrypted part starts behind it. */
  readonly headerBytes: Uint16Array;
  /** Gives SRTP its rollover counter: `floor(extSeq / 65536)`. */
  readonly extSeq: Float64Array;
  /** When the packet that caused this row was received; 0 for rows without one. For the delay histogram. */
  readonly receivedUs: Float64Array;
  /** The next row of the same path, or NO_ROW. */
  readonly nextRow: Int32Array;
  /** In [0, chains): the first row of each path, in the order of their first packets. */
  readonly firstRows: Int32Array;
  /** Sends and clears the rows; set by whoever owns the socket. */
  flush: () => void = () => {};
  /** Whether rows of receivers who get several packets are sent while the cache holds them: where more calls cost little. */
  sendsEarly = false;
  #chains = 0;
  /** By path: the last row of its chain, NO_ROW between turns. */
  #lastRow = new Int32Array(INITIAL_PATHS).fill(NO_ROW);
  #count = 0;

  constructor(slots: number) {
    this.slab = new Uint8Array(slots * SLOT_BYTES);
    this.bytes = new Uint16Array(slots);
    this.path = new Int32Array(slots);
    this.session = new Int32Array(slots);
    this.headerBytes = new Uint16Array(slots);
    this.extSeq = new Float64Array(slots);
    this.receivedUs = new Float64Array(slots);
    this.nextRow = new Int32Array(slots);
    this.firstRows = new Int32Array(slots);
  }

  get capacity(): number {
    return this.bytes.length;
  }

  get count(): number {
    return this.#count;
  }

  /** Paths that have rows. */
  get chains(): number {
    return this.#chains;
  }

  /**
   * Call it between packets or receivers, and between transports in a tick: with a large fan-out a turn can fill the ring,
   * and it is better to send what is there than to drop. `run`: how many packets at once each receiver gets.
   */
  makeRoom(run = 1): void {
    const isWarm = this.sendsEarly && run >= LONG_RUN && this.#count >= WARM_ROWS;
    if (isWarm || this.#count * 2 > this.bytes.length) this.flush();
  }

  /** Offset in `slab` of the next free slot, or -1 when full: the caller then drops and counts. */
  reserve(): number {
    return this.#count < this.bytes.length ? this.#count << SLOT_SHIFT : -1;
  }

  /** Makes a row of the slot that the last `reserve()` returned: a datagram that is sent as it is. */
  commitRaw(bytes: number, path: PathId): void {
    this.commitRtp(bytes, path, NO_SESSION, 0, 0, 0);
  }

  /** Makes a row of the slot that the last `reserve()` returned: an RTP packet that is still to be sealed. */
  commitRtp(
    bytes: number,
    path: PathId,
    session: number,
    headerBytes: number,
    extSeq: number,
    receivedUs: number,
  ): void {
    const row = this.#count++;
    this.bytes[row] = bytes;
    this.path[row] = path;
    this.session[row] = session;
    this.headerBytes[row] = headerBytes;
    this.extSeq[row] = extSeq;
    this.receivedUs[row] = receivedUs;
    this.#chain(row, path);
  }

  clear(): void {
    for (let chain = 0; chain < this.#chains; chain++) {
      this.#lastRow[this.path[this.firstRows[chain]!]!] = NO_ROW;
    }
    this.#chains = 0;
    this.#count = 0;
  }

  /**
   * Leaves the present slab to a send that did not complete at once, and goes on with a fresh one: a slot must not be
   * overwritten while the kernel has yet to read it.
   */
  replaceSlab(): void {
    this.slab = new Uint8Array(this.slab.length);
  }

  #chain(row: number, path: PathId): void {
    while (path >= this.#lastRow.length) this.#growPaths();
    const before = this.#lastRow[path]!;
    if (before === NO_ROW) this.firstRows[this.#chains++] = row;
    else this.nextRow[before] = row;
    this.#lastRow[path] = row;
    this.nextRow[row] = NO_ROW;
  }

  #growPaths(): void {
    const grown = new Int32Array(2 * this.#lastRow.length).fill(NO_ROW);
    grown.set(this.#lastRow);
    this.#lastRow = grown;
  }
}
