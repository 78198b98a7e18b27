/**
 * RTP header, read into a reused view (RFC 3550 §5.1).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *  |                           timestamp                           |
 *  |           synchronization source (SSRC) identifier            |
 *  |       0..15 contributing source (CSRC) identifiers            |
 *  |  if X: defined by profile     |   extension length in words   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { readU16, readU32 } from "../base/bytes.ts";
import { asSsrc, type Ssrc } from "../base/ids.ts";

const FIXED_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;

export class RtpHeader {
  marker = false;
  /** The P bit: the last byte of the plaintext counts the padding. */
  padding = false;
  payloadType = 0;
  seq = 0;
  timestamp = 0;
  ssrc: Ssrc = asSsrc(0);
  /** Whole header: fixed part, CSRCs and the extension block. */
  headerBytes = 0;
  /** The "defined by profile" field of the extension block; 0 without one. */
  extensionProfile = 0;
  /** Offset and bytes of the elements of the extension block. */
  extensionAt = 0;
  extensionBytes = 0;
  /** Set by `readPadding`: between header and padding. */
  payloadBytes = 0;
  paddingBytes = 0;
}

/**
 * Parses the header of `packet[0, length)` into `out`. The packet may still be sealed: SRTP leaves the header clear.
 *
 * Returns false when the packet is malformed; `out` is then unspecified.
 */
export function parseRtpHeader(packet: Uint8Array, length: number, out: RtpHeader): boolean {
  if (length < FIXED_BYTES) return false;
  const first = packet[0]!;
  if (first >> 6 !== 2) return false;

  let headerBytes = FIXED_BYTES + 4 * (first & 0x0f);
  out.extensionProfile = 0;
  out.extensionBytes = 0;
  if ((first & 0x10) !== 0) {
    if (length < headerBytes + EXTENSION_HEADER_BYTES) return false;
    out.extensionProfile = readU16(packet, headerBytes);
    out.extensionAt = headerBytes + EXTENSION_HEADER_BYTES;
    out.extensionBytes = 4 * readU16(packet, headerBytes + 2);
    headerBytes = out.extensionAt + out.extensionBytes;
  }
  if (length < headerBytes) return false;

  const second = packet[1]!;
  out.padding = (first & 0x20) !== 0;
  out.marker = second > 0x7f;
  out.payloadType = second & 0x7f;
  out.seq = readU16(packet, 2);
  out.timestamp = readU32(packet, 4);
  out.ssrc = asSsrc(readU32(packet, 8));
  out.headerBytes = headerBytes;
  out.payloadBytes = length - headerBytes;
  out.paddingBytes = 0;
  return true;
}

/** Reads the padding of the plaintext `packet[0, length)`. Returns false when it claims more than there is. */
export function readPadding(packet: Uint8Array, length: number, out: RtpHeader): boolean {
  const rest = length - out.headerBytes;
  out.paddingBytes = 0;
  if (out.padding) {
    out.paddingBytes = packet[length - 1]!;
    if (out.paddingBytes === 0 || out.paddingBytes > rest) return false;
  }
  out.payloadBytes = rest - out.paddingBytes;
  return true;
}
