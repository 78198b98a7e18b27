/**
 * Walks the packets of a compound RTCP datagram (RFC 3550 §6.1; RFC 5506 for reduced-size ones).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |V=2|P|  count  |  packet type  |   length in words minus one   |
 */
import { readU16 } from "../../base/bytes.ts";

export const RTCP = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  bye: 203,
  transportFeedback: 205,
  payloadFeedback: 206,
  extendedReport: 207,
} as const;

/**
 * Feedback message types (FMT), the count field of 205 (the first two) and of 206 (RFC 4585 §6.2 to §6.4, RFC 5104 §4.3,
 * transport-wide draft). REMB is an `application` message.
 */
export const FEEDBACK = { nack: 1, transportWide: 15, pli: 1, fir: 4, application: 15 } as const;

export const RTCP_HEADER_BYTES = 4;

export class RtcpCursor {
  packetType = 0;
  /** Report count, source count or feedback message type: the five bits after the padding bit. */
  count = 0;
  /** Start of the packet, header included. */
  at = 0;
  /** Its bytes, with header and without padding. */
  bytes = 0;
  #buffer: Uint8Array = new Uint8Array(0);
  #next = 0;
  #end = 0;

  reset(buffer: Uint8Array, length: number): void {
    this.#buffer = buffer;
    this.#next = 0;
    this.#end = length;
  }

  /** Whether the whole datagram was read: false after `next()` stopped at something malformed. */
  get complete(): boolean {
    return this.#next === this.#end;
  }

  /** Moves to the next packet. Returns false at the end, and at anything malformed. */
  next(): boolean {
    const at = this.#next;
    if (at + RTCP_HEADER_BYTES > this.#end) return false;
    const first = this.#buffer[at]!;
    if (first >> 6 !== 2) return false;
    const bytes = 4 * (readU16(this.#buffer, at + 2) + 1);
    if (at + bytes > this.#end) return false;
    const padded = (first & 0x20) !== 0;
    const padding = padded ? this.#buffer[at + bytes - 1]! : 0;
    if (padded && (padding === 0 || padding > bytes - RTCP_HEADER_BYTES)) return false;
    this.at = at;
    this.bytes = bytes - padding;
    this.count = first & 0x1f;
    this.packetType = this.#buffer[at + 1]!;
    this.#next = at + bytes;
    return true;
  }
}
