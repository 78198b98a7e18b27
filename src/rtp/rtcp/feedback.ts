/**
 * Feedback messages: generic NACK, PLI (RFC 4585 §6.2.1, §6.3.1), FIR (RFC 5104 §4.3.1).
 *
 *  |V=2|P|   FMT   |       PT      |          length               |
 *  |                  SSRC of packet sender                        |
 *  |                  SSRC of media source                         |
 *  :            Feedback Control Information (FCI)                 :
 */
import { readU16, readU32, writeU16, writeU32 } from "../../base/bytes.ts";
import { seqDelta } from "../../base/sequence.ts";
import { writeRtcpHeader } from "./reports.ts";
import { FEEDBACK, RTCP, type RtcpCursor } from "./rtcp-cursor.ts";

export const FEEDBACK_HEADER_BYTES = 12;
const NACK_ITEM_BYTES = 4;
const FIR_ITEM_BYTES = 8;
/** Packets that one item names after its first (BLP, the bitmask of following lost packets). */
const BLP_BITS = 16;

/** SSRC of the media source, or undefined when the message is cut short. */
export function readMediaSsrc(buffer: Uint8Array, { at, bytes }: RtcpCursor): number | undefined {
  return bytes < FEEDBACK_HEADER_BYTES ? undefined : readU32(buffer, at + 8);
}

/** Calls `each` for every sequence number that the NACK under `cursor` names, in its order. */
export function readNack(buffer: Uint8Array, { at, bytes }: RtcpCursor, each: (seq: number) => void): void {
  for (let next = at + FEEDBACK_HEADER_BYTES; next + NACK_ITEM_BYTES <= at + bytes; next += NACK_ITEM_BYTES) {
    const first = readU16(buffer, next);
    each(first);
    const following = readU16(buffer, next + 2);
    for (let bit = 0; bit < BLP_BITS; bit++) if (following & (1 << bit)) each((first + 1 + bit) & 0xffff);
  }
}

/** SSRCs that a FIR asks for a key frame. */
export function readFir(buffer: Uint8Array, { at, bytes }: RtcpCursor): number[] {
  const items = Math.max(0, Math.floor((bytes - FEEDBACK_HEADER_BYTES) / FIR_ITEM_BYTES));
  return Array.from({ length: items }, (_, i) =>
    readU32(buffer, at + FEEDBACK_HEADER_BYTES + i * FIR_ITEM_BYTES),
  );
}

/** Writes a NACK for `seqs[0, count)`, ascending modulo 2^16, at `out[at]`. Returns where it ends. */
export function writeNack(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
  seqs: Uint16Array,
  count: number,
): number {
  let end = at + FEEDBACK_HEADER_BYTES;
  for (let i = 0; i < count; ) {
    const first = seqs[i]!;
    let following = 0;
    for (i += 1; i < count; i++) {
      const step = seqDelta(first, seqs[i]!);
      if (step < 1 || step > BLP_BITS) break;
      following |= 1 << (step - 1);
    }
    writeU16(out, end, first);
    writeU16(out, end + 2, following);
    end += NACK_ITEM_BYTES;
  }
  writeFeedbackHeader(out, at, FEEDBACK.nack, RTCP.transportFeedback, senderSsrc, mediaSsrc, end);
  return end;
}

/** Writes a PLI at `out[at]`. Returns where it ends. */
export function writePli(out: Uint8Array, at: number, senderSsrc: number, mediaSsrc: number): number {
  const end = at + FEEDBACK_HEADER_BYTES;
  writeFeedbackHeader(out, at, FEEDBACK.pli, RTCP.payloadFeedback, senderSsrc, mediaSsrc, end);
  return end;
}

/**
 * Writes a FIR at `out[at]` that asks `mediaSsrc` for a key frame. Returns where it ends. `request`: command sequence number,
 * 8 bits, the same when a request is repeated. The header names no media source (RFC 5104 §4.3.1.2).
 */
export function writeFir(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  mediaSsrc: number,
  request: number,
): number {
  const item = at + FEEDBACK_HEADER_BYTES;
  writeU32(out, item, mediaSsrc);
  // The other 24 bits are reserved.
  writeU32(out, item + 4, (request << 24) >>> 0);
  const end = item + FIR_ITEM_BYTES;
  writeFeedbackHeader(out, at, FEEDBACK.fir, RTCP.payloadFeedback, senderSsrc, 0, end);
  return end;
}

/** Writes header and SSRCs of a feedback message that ends at `end`. */
export function writeFeedbackHeader(
  out: Uint8Array,
  at: number,
  format: number,
  packetType: number,
  senderSsrc: number,
  mediaSsrc: number,
  end: number,
): void {
  writeRtcpHeader(out, at, format, packetType, end);
  writeU32(out, at + 4, senderSsrc);
  writeU32(out, at + 8, mediaSsrc);
}
