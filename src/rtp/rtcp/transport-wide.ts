/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 *  |      base sequence number     |      packet status count      |
 *  |                 reference time                | fb pkt. count |
 *  |          packet chunk         |         packet chunk          |
 *  |         recv delta            |   recv delta  | zero padding  |
 *
 * A chunk says for some packets whether they arrived: a run of up to 8,191 equal symbols, a vector of 14 one-bit symbols, or of
 * 7 two-bit ones. After the chunks comes a delta for each packet that arrived, in units of 250 µs, of one or two bytes.
 */
import { readU16, readU24, writeU16, writeU24 } from "../../base/bytes.ts";
import { FEEDBACK_HEADER_BYTES, writeFeedbackHeader } from "./feedback.ts";
import { FEEDBACK, RTCP, type RtcpCursor } from "./rtcp-cursor.ts";

const FIXED_BYTES = 8;
export const DELTA_US = 250;
/** Reference times are in units of 64 ms. */
const REFERENCE_DELTAS = 256;

const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const RESERVED = 3;

const MAX_RUN = 0x1fff;
/**
 * Arrivals in one message. With two-byte deltas and a two-bit symbol for each of a thousand packets it has 1,280 bytes: more
 * would not fit a datagram, fewer would cost more messages.
 */
const MAX_ARRIVALS = 480;

const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;

/** What to report: `arrivalUs(i)` is the arrival of packet `baseSeq + i`, or -1. At least one must have arrived. */
export interface ArrivalReport {
  readonly baseSeq: number;
  readonly count: number;
  readonly feedbackCount: number;
  arrivalUs(index: number): number;
}

/**
 * Writes feedback at `out[at]` on as many packets as one message can hold and deltas can express, at least one. Returns the
 * number of packets reported, and sets `ends.end` to where the message ends.
 */
export function writeTransportWide(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
  report: ArrivalReport,
  ends: { end: number },
): number {
  const symbols: number[] = [];
  const deltas: number[] = [];
  const reference = Math.floor(firstArrivalUs(report) / (DELTA_US * REFERENCE_DELTAS));
  let ticks = reference * REFERENCE_DELTAS;
  for (let i = 0; i < report.count; i++) {
    const arrivalUs = report.arrivalUs(i);
    if (arrivalUs < 0) {
      symbols.push(NOT_RECEIVED);
      continue;
    }
    const delta = Math.round(arrivalUs / DELTA_US) - ticks;
    // A delta that two bytes cannot hold starts the next message, with a reference time of its own.
    if (delta < -0x8000 || delta > 0x7fff || deltas.length === MAX_ARRIVALS) break;
    symbols.push(delta >= 0 && delta <= 0xff ? SMALL_DELTA : LARGE_DELTA);
    deltas.push(delta);
    ticks += delta;
  }
  const fci = at + FEEDBACK_HEADER_BYTES;
  writeU16(out, fci, report.baseSeq & 0xffff);
  writeU16(out, fci + 2, symbols.length);
  writeU24(out, fci + 4, reference & 0xffffff);
  out[fci + 7] = report.feedbackCount & 0xff;
  const end = writeDeltas(out, writeChunks(out, fci + FIXED_BYTES, symbols), deltas);
  const padded = at + ((end - at + 3) & ~3);
  out.fill(0, end, padded);
  writeFeedbackHeader(out, at, FEEDBACK.transportWide, RTCP.transportFeedback, senderSsrc, mediaSsrc, padded);
  ends.end = padded;
  return symbols.length;
}

/**
 * Reads the feedback under a cursor packet by packet, without allocation.
 *
 *     if (!reader.open(buffer, cursor)) return false;
 *     while (reader.next()) { … `reader.seq` arrived at `reader.arrivalUs`; the `reader.lost` numbers before it did not … }
 *     … nor did the `reader.lost` numbers before `reader.seq`, which now is the number after the last one …
 *
 * Losses come in runs, because two bytes can claim eight thousand of them: the work is bounded by the bytes of the message,
 * not by what it claims.
 */
export class TransportWideReader {
  /**
   * Sequence number of the packet that arrived; before any `next()` the first number reported on, and when `next()` has
   * returned false the one after the last.
   */
  seq = 0;
  /** Since the zero of the reference time, which wraps every 12 days. */
  arrivalUs = 0;
  /** How many packets right before `seq` did not arrive. */
  lost = 0;
  #buffer: Uint8Array = new Uint8Array(0);
  #nextSeq = 0;
  #packetsLeft = 0;
  #chunkAt = 0;
  /** Unread symbols of the current chunk, in its low bits, each `#symbolBits` wide (0 for a run, whose symbols are equal). */
  #chunkLeft = 0;
  #symbols = 0;
  #symbolBits = 0;
  #symbolMask = 0;
  #deltaAt = 0;
  #ticks = 0;

  /** Returns false when the message is cut short or uses the reserved symbol: it must then be ignored as a whole. */
  open(buffer: Uint8Array, { at, bytes }: RtcpCursor): boolean {
    const end = at + bytes;
    const fci = at + FEEDBACK_HEADER_BYTES;
    this.#packetsLeft = 0;
    if (fci + FIXED_BYTES > end) return false;
    const count = readU16(buffer, fci + 2);
    const deltasAt = checkChunks(buffer, fci + FIXED_BYTES, end, count);
    if (deltasAt < 0) return false;
    this.#buffer = buffer;
    this.seq = readU16(buffer, fci);
    this.#nextSeq = this.seq;
    this.#packetsLeft = count;
    this.#chunkAt = fci + FIXED_BYTES;
    this.#chunkLeft = 0;
    this.#deltaAt = deltasAt;
    this.#ticks = readU24(buffer, fci + 4) * REFERENCE_DELTAS;
    return true;
  }

  /** Moves to the next packet that arrived. Returns false when there is none. */
  next(): boolean {
    let lost = 0;
    let symbol: number = NOT_RECEIVED;
    while (symbol === NOT_RECEIVED && (this.#chunkLeft > 0 || this.#openChunk())) {
      symbol = (this.#symbols >> (this.#symbolBits * (this.#chunkLeft - 1))) & this.#symbolMask;
      const taken = symbol === NOT_RECEIVED && this.#symbolBits === 0 ? this.#chunkLeft : 1;
      this.#chunkLeft -= taken;
      if (symbol === NOT_RECEIVED) lost += taken;
    }
    this.lost = lost;
    this.seq = (this.#nextSeq + lost) & 0xffff;
    this.#nextSeq = symbol === NOT_RECEIVED ? this.seq : this.seq + 1;
    if (symbol === NOT_RECEIVED) return false;
    this.#takeDelta(symbol);
    return true;
  }

  /** Returns false when all packets have been read. */
  #openChunk(): boolean {
    // A run may have length 0.
    while (this.#chunkLeft === 0 && this.#packetsLeft > 0) {
      const chunk = readU16(this.#buffer, this.#chunkAt);
      this.#chunkAt += 2;
      const length = chunkLength(chunk);
      this.#chunkLeft = Math.min(length, this.#packetsLeft);
      this.#packetsLeft -= this.#chunkLeft;
      this.#symbolBits = isRun(chunk) ? 0 : bitsOf(chunk);
      this.#symbolMask = this.#symbolBits === 1 ? 1 : 3;
      // The last chunk may go on beyond the count.
      this.#symbols = isRun(chunk) ? chunk >> 13 : chunk >> (this.#symbolBits * (length - this.#chunkLeft));
    }
    return this.#chunkLeft > 0;
  }

  /** The value of a symbol is the size of its delta. */
  #takeDelta(symbol: number): void {
    const at = this.#deltaAt;
    this.#ticks += symbol === SMALL_DELTA ? this.#buffer[at]! : (readU16(this.#buffer, at) << 16) >> 16;
    this.#deltaAt = at + symbol;
    this.arrivalUs = this.#ticks * DELTA_US;
  }
}

/** Returns where the deltas start, or -1 when the chunks or deltas of `count` packets are not all there. */
function checkChunks(buffer: Uint8Array, at: number, end: number, count: number): number {
  let next = at;
  let deltaBytes = 0;
  for (let left = count; left > 0; next += 2) {
    if (next + 2 > end) return -1;
    const chunk = readU16(buffer, next);
    const length = chunkLength(chunk);
    // The last chunk may go on beyond the count.
    const used = Math.min(length, left);
    const bytes = isRun(chunk) ? runBytes(chunk, used) : vectorBytes(chunk, length, used);
    if (bytes < 0) return -1;
    deltaBytes += bytes;
    left -= used;
  }
  return next + deltaBytes > end ? -1 : next;
}

/** Bytes of the deltas of `used` symbols of a run; -1 when the symbol is the reserved one. */
function runBytes(chunk: number, used: number): number {
  const symbol = symbolOf(chunk, used);
  return symbol === RESERVED && used > 0 ? -1 : used * symbol;
}

function vectorBytes(chunk: number, length: number, used: number): number {
  let bytes = 0;
  for (let left = length; left > length - used; left--) {
    const symbol = symbolOf(chunk, left);
    if (symbol === RESERVED) return -1;
    bytes += symbol;
  }
  return bytes;
}

function isRun(chunk: number): boolean {
  return (chunk & 0x8000) === 0;
}

/** Bits of a symbol in a vector chunk. */
function bitsOf(chunk: number): number {
  return (chunk & 0x4000) === 0 ? 1 : 2;
}

function chunkLength(chunk: number): number {
  if (isRun(chunk)) return chunk & MAX_RUN;
  return bitsOf(chunk) === 1 ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS;
}

/** The symbol after which `left - 1` remain in the chunk. */
function symbolOf(chunk: number, left: number): number {
  if (isRun(chunk)) return (chunk >> 13) & 3;
  return bitsOf(chunk) === 1 ? (chunk >> (left - 1)) & 1 : (chunk >> (2 * (left - 1))) & 3;
}

function firstArrivalUs(report: ArrivalReport): number {
  for (let i = 0; i < report.count; i++) if (report.arrivalUs(i) >= 0) return report.arrivalUs(i);
  return 0;
}

function writeChunks(out: Uint8Array, at: number, symbols: readonly number[]): number {
  let next = at;
  for (let i = 0; i < symbols.length; next += 2) {
    const symbol = symbols[i]!;
    let run = 1;
    while (run < MAX_RUN && symbols[i + run] === symbol) run += 1;
    if (run >= ONE_BIT_SYMBOLS || i + run === symbols.length) {
      writeU16(out, next, (symbol << 13) | run);
      i += run;
      continue;
    }
    const wide = symbols.slice(i, i + ONE_BIT_SYMBOLS).includes(LARGE_DELTA);
    const [length, bits] = wide ? [TWO_BIT_SYMBOLS, 2] : [ONE_BIT_SYMBOLS, 1];
    let vector = wide ? 0xc000 : 0x8000;
    for (let j = 0; j < length; j++) vector |= (symbols[i + j] ?? NOT_RECEIVED) << (bits * (length - 1 - j));
    writeU16(out, next, vector);
    i += length;
  }
  return next;
}

function writeDeltas(out: Uint8Array, at: number, deltas: readonly number[]): number {
  let next = at;
  for (const delta of deltas) {
    if (delta >= 0 && delta <= 0xff) {
      out[next++] = delta;
    } else {
      writeU16(out, next, delta & 0xffff);
      next += 2;
    }
  }
  return next;
}
