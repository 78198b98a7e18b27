/**
 * Extended reports by which a receiver learns its round-trip time (RFC 3611 §4.4, §4.5): it sends its reference time (RRTR),
 * and the sender answers how long ago that came (DLRR), as SR and RR do in the other direction.
 *
 *  |V=2|P|reserved |   PT=XR=207   |             length            |
 *  |                              SSRC                             |
 *  |      BT       | type-specific |         block length          |   in words, without this header
 *  :             type-specific block contents                      :
 */
import { readU16, readU32, writeU16, writeU32 } from "../../base/bytes.ts";
import { ntpFraction, ntpSeconds, ntpToUs } from "../../base/ntp.ts";
import { writeRtcpHeader } from "./reports.ts";
import { RTCP, RTCP_HEADER_BYTES, type RtcpCursor } from "./rtcp-cursor.ts";

const SSRC_BYTES = 4;
const BLOCK_HEADER_BYTES = 4;
const REFERENCE_TIME = 4;
const REFERENCE_TIME_BYTES = 8;
const DLRR = 5;
const DLRR_ITEM_BYTES = 12;
const ABSENT = -1;

/** One item of a DLRR block. */
export interface ReferenceTimeAnswer {
  /** SSRC of the receiver that is answered. */
  readonly ssrc: number;
  /** LRR: `ntpMiddle` of its latest reference time; 0 when none came. */
  readonly lastReferenceTime: number;
  /** DLRR: time since that came, in 1/65536 s. */
  readonly delay: number;
}

/** Sender SSRC of the report under `cursor`; undefined when it is cut short. */
export function readSenderSsrc(buffer: Uint8Array, { at, bytes }: RtcpCursor): number | undefined {
  return bytes < RTCP_HEADER_BYTES + SSRC_BYTES ? undefined : readU32(buffer, at + 4);
}

/** NTP time of the reference time block under `cursor`, microseconds since 1900; undefined when it has none. */
export function readReferenceTime(buffer: Uint8Array, cursor: RtcpCursor): number | undefined {
  const at = findBlock(buffer, cursor, REFERENCE_TIME);
  if (at === ABSENT || blockBytes(buffer, at) < REFERENCE_TIME_BYTES) return undefined;
  const time = at + BLOCK_HEADER_BYTES;
  return ntpToUs(readU32(buffer, time), readU32(buffer, time + 4));
}

/** Items of the DLRR block under `cursor`; none when it has no such block. */
export function readDlrr(buffer: Uint8Array, cursor: RtcpCursor): ReferenceTimeAnswer[] {
  const at = findBlock(buffer, cursor, DLRR);
  if (at === ABSENT) return [];
  return Array.from({ length: Math.floor(blockBytes(buffer, at) / DLRR_ITEM_BYTES) }, (_, i) => {
    const item = at + BLOCK_HEADER_BYTES + i * DLRR_ITEM_BYTES;
    return {
      ssrc: readU32(buffer, item),
      lastReferenceTime: readU32(buffer, item + 4),
      delay: readU32(buffer, item + 8),
    };
  });
}

/** Writes an XR with the reference time `ntpUs` of the receiver `senderSsrc` at `out[at]`. Returns where it ends. */
export function writeReferenceTime(out: Uint8Array, at: number, senderSsrc: number, ntpUs: number): number {
  const time = writeXrHeader(out, at, senderSsrc, REFERENCE_TIME, REFERENCE_TIME_BYTES);
  writeU32(out, time, ntpSeconds(ntpUs));
  writeU32(out, time + 4, ntpFraction(ntpUs));
  return time + REFERENCE_TIME_BYTES;
}

/** Writes an XR with a DLRR block at `out[at]`. Returns where it ends. */
export function writeDlrr(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  answers: readonly ReferenceTimeAnswer[],
): number {
  let next = writeXrHeader(out, at, senderSsrc, DLRR, answers.length * DLRR_ITEM_BYTES);
  for (const { ssrc, lastReferenceTime, delay } of answers) {
    writeU32(out, next, ssrc);
    writeU32(out, next + 4, lastReferenceTime);
    writeU32(out, next + 8, delay);
    next += DLRR_ITEM_BYTES;
  }
  return next;
}

/** Offset of the first block of type `wanted` that is whole; ABSENT when there is none. */
function findBlock(buffer: Uint8Array, cursor: RtcpCursor, wanted: number): number {
  const end = cursor.at + cursor.bytes;
  let at = cursor.at + RTCP_HEADER_BYTES + SSRC_BYTES;
  while (at + BLOCK_HEADER_BYTES <= end) {
    const next = at + BLOCK_HEADER_BYTES + blockBytes(buffer, at);
    if (next > end) return ABSENT;
    if (buffer[at] === wanted) return at;
    at = next;
  }
  return ABSENT;
}

function blockBytes(buffer: Uint8Array, at: number): number {
  return 4 * readU16(buffer, at + 2);
}

/** Writes the headers of an XR with one block. Returns where the block's contents start. */
function writeXrHeader(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  blockType: number,
  contentBytes: number,
): number {
  const block = at + RTCP_HEADER_BYTES + SSRC_BYTES;
  const contents = block + BLOCK_HEADER_BYTES;
  writeRtcpHeader(out, at, 0, RTCP.extendedReport, contents + contentBytes);
  writeU32(out, at + 4, senderSsrc);
  out[block] = blockType;
  out[block + 1] = 0;
  writeU16(out, block + 2, contentBytes / 4);
  return contents;
}
