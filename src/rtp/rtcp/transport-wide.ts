/**
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).
 *
 *  |      base sequence number     |      packet status count      |
 *  |                 reference time                | fb pkt. count |
 *  |          packet chunk         |         packet chunk          |
 *  |         recv delta            |   recv delta  | zero padding  |
 *
 * A chunk says for some packets whether they came: a run of up to 8,191 like symbols, 14 symbols of one bit, or 7 of
 * two bits. For each packet that came a delta follows, in 250 µs, of one byte or two.
 */
import { readU16, readU24, writeU16, writeU24 } from "../../base/bytes.ts";
import { FEEDBACK_HEADER_BYTES, writeFeedbackHeader } from "./feedback.ts";
import { FEEDBACK, RTCP, type RtcpCursor } from "./rtcp-cursor.ts";

const FIXED_BYTES = 8;
export const DELTA_US = 250;
/** Reference times count in 64 ms. */
const REFERENCE_DELTAS = 256;

const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const RESERVED = 3;

const MAX_RUN = 0x1fff;
/**
 * Arrivals in one message. With two-byte deltas and a two-bit symbol for each of a thousand packets it fills 1,280
 * bytes: more would not fit a datagram, fewer would cost more messages.
 */
const MAX_ARRIVALS = 480;

const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;

/** What is to be reported: `arrivalUs(i)` of packet `baseSeq + i`, or -1 when it did not come. One of them did. */
export interface ArrivalReport {
  readonly baseSeq: number;
  readonly count: number;
  readonly feedbackCount: number;
  arrivalUs(index: number): number;
}

/**
 * Writes feedback at `out[at]` on as many packets as one message can hold and deltas can express, at least one.
 * Returns the number of packets reported; `ends.end` is where the message ends.
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
    // What two bytes can not hold starts the next message, with a reference time of its own.
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
 * Calls `each` for every packet that the feedback under `cursor` reports on: its sequence number and its arrival in
 * microseconds since the reference time's own zero, or -1. Returns false, without a call, when the message is cut short
 * or uses the reserved symbol.
 */
export function readTransportWide(
  buffer: Uint8Array,
  { at, bytes }: RtcpCursor,
  each: (seq: number, arrivalUs: number) => void,
): boolean {
  const end = at + bytes;
  const fci = at + FEEDBACK_HEADER_BYTES;
  if (fci + FIXED_BYTES > end) return false;
  const baseSeq = readU16(buffer, fci);
  const count = readU16(buffer, fci + 2);
  const symbols: number[] = [];
  let next = fci + FIXED_BYTES;
  for (; symbols.length < count; next += 2) {
    if (next + 2 > end) return false;
    readChunk(readU16(buffer, next), symbols);
  }
  // The last chunk may go on beyond the count. A symbol is the size of its delta.
  symbols.length = count;
  if (symbols.includes(RESERVED)) return false;
  if (next + symbols.reduce((sum, deltaBytes) => sum + deltaBytes, 0) > end) return false;

  let ticks = readU24(buffer, fci + 4) * REFERENCE_DELTAS;
  symbols.forEach((deltaBytes, i) => {
    if (deltaBytes === SMALL_DELTA) ticks += buffer[next]!;
    if (deltaBytes === LARGE_DELTA) ticks += (readU16(buffer, next) << 16) >> 16;
    next += deltaBytes;
    each((baseSeq + i) & 0xffff, deltaBytes === NOT_RECEIVED ? -1 : ticks * DELTA_US);
  });
  return true;
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

function readChunk(chunk: number, symbols: number[]): void {
  if ((chunk & 0x8000) === 0) {
    for (let run = chunk & MAX_RUN; run > 0; run--) symbols.push((chunk >> 13) & 3);
    return;
  }
  const [length, bits] = (chunk & 0x4000) === 0 ? [ONE_BIT_SYMBOLS, 1] : [TWO_BIT_SYMBOLS, 2];
  for (let j = length - 1; j >= 0; j--) symbols.push((chunk >> (bits * j)) & ((1 << bits) - 1));
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
