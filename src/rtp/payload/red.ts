/**
 * Redundant audio (RFC 2198 §3): copies of older frames before the primary one.
 *
 *   |1|   block PT  |  timestamp offset 14      |  block length 10  |   for each older frame
 *   |0|   block PT  |                                                 the primary: the rest of the packet
 */
import { readU16 } from "../../base/bytes.ts";

const FOLLOWED = 0x80;
const OLDER_HEADER_BYTES = 4;
const MAX_LENGTH = 0x3ff;

/** Where the primary frame of the payload `packet[at, at + length)` starts, or -1 when the blocks do not fit. */
export function readRedPrimary(packet: Uint8Array, at: number, length: number): number {
  const end = at + length;
  let next = at;
  let olderBytes = 0;
  for (; next < end && (packet[next]! & FOLLOWED) !== 0; next += OLDER_HEADER_BYTES) {
    if (next + OLDER_HEADER_BYTES > end) return -1;
    olderBytes += readU16(packet, next + 2) & MAX_LENGTH;
  }
  const primary = next + 1 + olderBytes;
  return primary < end ? primary : -1;
}
