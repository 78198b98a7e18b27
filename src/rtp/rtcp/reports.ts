/** Sender and receiver reports, source description, goodbye (RFC 3550 §6.4 to §6.6). */
import { readU24, readU32, writeU16, writeU24, writeU32 } from "../../base/bytes.ts";
import { ntpFraction, ntpSeconds, ntpToUs } from "../../base/ntp.ts";
import { RTCP, RTCP_HEADER_BYTES, type RtcpCursor } from "./rtcp-cursor.ts";

/** The count field has five bits. */
export const MAX_REPORT_BLOCKS = 31;

const SSRC_BYTES = 4;
const SENDER_INFO_BYTES = 20;
const BLOCK_BYTES = 24;
const CNAME = 1;
const MAX_SDES_TEXT_BYTES = 255;

export interface SenderInfo {
  readonly ssrc: number;
  /** NTP time, microseconds since 1900. */
  readonly ntpUs: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly payloadBytes: number;
}

/** One report block: what a receiver says about the stream `ssrc`. */
export interface ReportBlock {
  readonly ssrc: number;
  /** 8 bits, in 1/256. */
  readonly fractionLost: number;
  /** 24 bits, signed on the wire; duplicates may make it negative. */
  readonly cumulativeLost: number;
  /** Highest sequence number received, 32 bits. */
  readonly highestSeq: number;
  /** Interarrival jitter in timestamp units. */
  readonly jitter: number;
  /** LSR: `ntpMiddle` of the last sender report; 0 when there was none. */
  readonly lastSr: number;
  /** DLSR: time since that report, in 1/65536 s. */
  readonly delaySinceLastSr: number;
}

/** Sender info of the SR under `cursor`; undefined when it is cut short. */
export function readSenderInfo(buffer: Uint8Array, { at, bytes }: RtcpCursor): SenderInfo | undefined {
  if (bytes < RTCP_HEADER_BYTES + SSRC_BYTES + SENDER_INFO_BYTES) return undefined;
  return {
    ssrc: readU32(buffer, at + 4),
    ntpUs: ntpToUs(readU32(buffer, at + 8), readU32(buffer, at + 12)),
    timestamp: readU32(buffer, at + 16),
    packets: readU32(buffer, at + 20),
    payloadBytes: readU32(buffer, at + 24),
  };
}

/** Report blocks of the SR or RR under `cursor`; undefined when it holds fewer than it claims. */
export function readReportBlocks(buffer: Uint8Array, cursor: RtcpCursor): ReportBlock[] | undefined {
  const senderInfo = cursor.packetType === RTCP.senderReport ? SENDER_INFO_BYTES : 0;
  const start = cursor.at + RTCP_HEADER_BYTES + SSRC_BYTES + senderInfo;
  if (start + cursor.count * BLOCK_BYTES > cursor.at + cursor.bytes) return undefined;
  return Array.from({ length: cursor.count }, (_, i) => {
    const at = start + i * BLOCK_BYTES;
    return {
      ssrc: readU32(buffer, at),
      fractionLost: buffer[at + 4]!,
      cumulativeLost: (readU24(buffer, at + 5) << 8) >> 8,
      highestSeq: readU32(buffer, at + 8),
      jitter: readU32(buffer, at + 12),
      lastSr: readU32(buffer, at + 16),
      delaySinceLastSr: readU32(buffer, at + 20),
    };
  });
}

/** SSRCs of the BYE under `cursor`; undefined when it holds fewer than it claims. */
export function readBye(buffer: Uint8Array, { at, bytes, count }: RtcpCursor): number[] | undefined {
  if (RTCP_HEADER_BYTES + count * SSRC_BYTES > bytes) return undefined;
  return Array.from({ length: count }, (_, i) => readU32(buffer, at + RTCP_HEADER_BYTES + i * SSRC_BYTES));
}

/** Writes an SR without report blocks at `out[at]`. Returns where it ends. */
export function writeSenderReport(out: Uint8Array, at: number, info: SenderInfo): number {
  const end = at + RTCP_HEADER_BYTES + SSRC_BYTES + SENDER_INFO_BYTES;
  writeRtcpHeader(out, at, 0, RTCP.senderReport, end);
  writeU32(out, at + 4, info.ssrc);
  writeU32(out, at + 8, ntpSeconds(info.ntpUs));
  writeU32(out, at + 12, ntpFraction(info.ntpUs));
  writeU32(out, at + 16, info.timestamp);
  writeU32(out, at + 20, info.packets);
  writeU32(out, at + 24, info.payloadBytes);
  return end;
}

/** Writes an RR with at most 31 blocks at `out[at]`. Returns where it ends. */
export function writeReceiverReport(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  blocks: readonly ReportBlock[],
): number {
  const end = at + RTCP_HEADER_BYTES + SSRC_BYTES + blocks.length * BLOCK_BYTES;
  writeRtcpHeader(out, at, blocks.length, RTCP.receiverReport, end);
  writeU32(out, at + 4, senderSsrc);
  let next = at + RTCP_HEADER_BYTES + SSRC_BYTES;
  for (const block of blocks) {
    writeU32(out, next, block.ssrc);
    out[next + 4] = block.fractionLost;
    writeU24(out, next + 5, block.cumulativeLost & 0xffffff);
    writeU32(out, next + 8, block.highestSeq);
    writeU32(out, next + 12, block.jitter);
    writeU32(out, next + 16, block.lastSr);
    writeU32(out, next + 20, block.delaySinceLastSr);
    next += BLOCK_BYTES;
  }
  return end;
}

/** Writes an SDES with the CNAME of one source at `out[at]`. Returns where it ends. */
export function writeCname(out: Uint8Array, at: number, ssrc: number, cname: Uint8Array): number {
  const textBytes = Math.min(cname.length, MAX_SDES_TEXT_BYTES);
  const textAt = at + RTCP_HEADER_BYTES + SSRC_BYTES + 2;
  // The chunk ends with at least one null byte, on a 32-bit boundary (§6.5).
  const end = at + ((textAt - at + textBytes + 1 + 3) & ~3);
  writeRtcpHeader(out, at, 1, RTCP.sourceDescription, end);
  writeU32(out, at + 4, ssrc);
  out[textAt - 2] = CNAME;
  out[textAt - 1] = textBytes;
  for (let i = 0; i < textBytes; i++) out[textAt + i] = cname[i]!;
  out.fill(0, textAt + textBytes, end);
  return end;
}

/** Writes a BYE of one source at `out[at]`. Returns where it ends. */
export function writeBye(out: Uint8Array, at: number, ssrc: number): number {
  const end = at + RTCP_HEADER_BYTES + SSRC_BYTES;
  writeRtcpHeader(out, at, 1, RTCP.bye, end);
  writeU32(out, at + 4, ssrc);
  return end;
}

/** Writes the header of a packet that ends at `end`. */
export function writeRtcpHeader(
  out: Uint8Array,
  at: number,
  count: number,
  packetType: number,
  end: number,
): void {
  out[at] = 0x80 | count;
  out[at + 1] = packetType;
  writeU16(out, at + 2, (end - at) / 4 - 1);
}
