/**
 * SCTP packets, read strictly (RFC 9260 §3), and the two chunks that we write ourselves.
 *
 *   0             2                  4                  8          12
 *  +-------------+------------------+------------------+----------+------------
 *  | source port | destination port | verification tag | checksum | chunks ...
 *  +-------------+------------------+------------------+----------+------------
 *    each chunk: type (1), flags (1), length (2), value, zeros up to a multiple of four
 *    each parameter in a chunk: type (2), length (2), value, zeros likewise
 */
import { crc32c } from "werift";
import { readU16, readU32, writeU16, writeU32 } from "../../base/bytes.ts";

const COMMON_HEADER_BYTES = 12;
/** Header of a chunk or a parameter. */
const TLV_HEADER_BYTES = 4;
const CHECKSUM_AT = 8;
const ZERO_CHECKSUM = new Uint8Array(4);

/** Chunk types (RFC 9260 §3.2; RFC 6525 §3.1; RFC 3758 §3.2). */
export const DATA = 0;
export const INIT = 1;
export const SACK = 3;
export const HEARTBEAT = 4;
export const HEARTBEAT_ACK = 5;
export const ABORT = 6;
export const SHUTDOWN = 7;
export const ERROR = 9;
export const COOKIE_ECHO = 10;
export const RE_CONFIG = 130;
export const FORWARD_TSN = 192;

/** Parameters of RE-CONFIG that data channels use (RFC 8831 §6.7, RFC 6525 §4). */
export const RESET_REQUEST = 13;
export const RESET_RESPONSE = 16;

/** Flags of a DATA chunk (RFC 9260 §3.3.1). */
export const LAST_FRAGMENT = 0x01;
export const FIRST_FRAGMENT = 0x02;
export const UNORDERED = 0x04;

export interface SctpChunk {
  readonly type: number;
  readonly flags: number;
  /** Without header and padding: a view into the packet. */
  readonly value: Uint8Array;
}

export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
  readonly chunks: readonly SctpChunk[];
}

export interface SctpParameter {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Undefined when a length does not fit or there is no chunk. The checksum is checked elsewhere. */
export function parsePacket(bytes: Uint8Array): SctpPacket | undefined {
  if (bytes.length <= COMMON_HEADER_BYTES || bytes.length % 4 !== 0) return undefined;
  const chunks: SctpChunk[] = [];
  let at = COMMON_HEADER_BYTES;
  while (at < bytes.length) {
    const length = readU16(bytes, at + 2);
    const end = at + length;
    if (length < TLV_HEADER_BYTES || padded(end) > bytes.length) return undefined;
    const value = bytes.subarray(at + TLV_HEADER_BYTES, end);
    chunks.push({ type: bytes[at]!, flags: bytes[at + 1]!, value });
    at = padded(end);
  }
  return {
    sourcePort: readU16(bytes, 0),
    destinationPort: readU16(bytes, 2),
    verificationTag: readU32(bytes, 4),
    chunks,
  };
}

/** The parameters in (a part of) a chunk's value; undefined when one does not fit. The last needs no padding. */
export function parseParameters(value: Uint8Array): SctpParameter[] | undefined {
  const parameters: SctpParameter[] = [];
  let at = 0;
  while (at < value.length) {
    if (at + TLV_HEADER_BYTES > value.length) return undefined;
    const length = readU16(value, at + 2);
    const end = at + length;
    if (length < TLV_HEADER_BYTES || end > value.length) return undefined;
    parameters.push({ type: readU16(value, at), value: value.subarray(at + TLV_HEADER_BYTES, end) });
    at = padded(end);
  }
  return parameters;
}

/** CRC32c over the packet with zeros in place of the checksum, which is little-endian (RFC 9260 §6.8, appendix A). */
export function hasRightChecksum(packet: Uint8Array): boolean {
  if (packet.length < COMMON_HEADER_BYTES) return false;
  const before = crc32c(packet.subarray(0, CHECKSUM_AT));
  const expected = crc32c(packet.subarray(COMMON_HEADER_BYTES), crc32c(ZERO_CHECKSUM, before));
  return readU32(packet, CHECKSUM_AT) === swapBytes(expected);
}

/** How far `tsn` is ahead of `reference`, modulo 2^32 (RFC 9260 §1.6); negative when behind. */
export function tsnAhead(reference: number, tsn: number): number {
  return (tsn - reference) | 0;
}

export function tsnPlus(tsn: number, distance: number): number {
  return (tsn + distance) >>> 0;
}

/** Start and end of a run of received TSNs, as distances from the cumulative one (RFC 9260 §3.3.4). */
export type GapBlock = readonly [start: number, end: number];

export function encodeSack(
  cumulativeTsn: number,
  windowBytes: number,
  gaps: readonly GapBlock[],
): Uint8Array {
  const chunk = chunkOf(SACK, 12 + 4 * gaps.length);
  writeU32(chunk, 4, cumulativeTsn);
  writeU32(chunk, 8, windowBytes);
  writeU16(chunk, 12, gaps.length);
  writePairs(chunk, 16, gaps);
  return chunk;
}

/** `streams`: the last sequence number that is skipped on each ordered stream (RFC 3758 §3.2). */
export function encodeForwardTsn(
  cumulativeTsn: number,
  streams: readonly (readonly [streamId: number, sequence: number])[],
): Uint8Array {
  const chunk = chunkOf(FORWARD_TSN, 4 + 4 * streams.length);
  writeU32(chunk, 4, cumulativeTsn);
  writePairs(chunk, 8, streams);
  return chunk;
}

function chunkOf(type: number, valueBytes: number): Uint8Array {
  const chunk = new Uint8Array(TLV_HEADER_BYTES + valueBytes);
  chunk[0] = type;
  writeU16(chunk, 2, chunk.length);
  return chunk;
}

function writePairs(bytes: Uint8Array, at: number, pairs: readonly (readonly [number, number])[]): void {
  pairs.forEach(([one, other], index) => {
    writeU16(bytes, at + 4 * index, one);
    writeU16(bytes, at + 4 * index + 2, other);
  });
}

const padded = (length: number): number => (length + 3) & ~3;

function swapBytes(value: number): number {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value);
  return readU32(bytes.reverse(), 0);
}
