/**
 * Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 §2.2), an application layer feedback message.
 *
 *  |  Unique identifier 'R' 'E' 'M' 'B'                            |
 *  |  Num SSRC     | BR Exp    |  BR Mantissa                      |
 *  |  SSRC feedbacks …                                             |
 */
import { readU24, readU32, writeU24, writeU32 } from "../../base/bytes.ts";
import { FEEDBACK_HEADER_BYTES, writeFeedbackHeader } from "./feedback.ts";
import { FEEDBACK, RTCP, type RtcpCursor } from "./rtcp-cursor.ts";

const IDENTIFIER = 0x52454d42;
const FIXED_BYTES = 8;
const MANTISSA_BITS = 18;
const MAX_MANTISSA = 2 ** MANTISSA_BITS - 1;

/** The estimate in bits per second; undefined when the message is no REMB, or cut short. */
export function readRemb(buffer: Uint8Array, { at, bytes }: RtcpCursor): number | undefined {
  const fci = at + FEEDBACK_HEADER_BYTES;
  if (bytes < FEEDBACK_HEADER_BYTES + FIXED_BYTES || readU32(buffer, fci) !== IDENTIFIER) return undefined;
  const packed = readU24(buffer, fci + 5);
  return (packed % 2 ** MANTISSA_BITS) * 2 ** (packed >> MANTISSA_BITS);
}

/** Writes the estimate for the streams `ssrcs` at `out[at]`, rounded down to what the mantissa holds. */
export function writeRemb(
  out: Uint8Array,
  at: number,
  senderSsrc: number,
  bitrateBps: number,
  ssrcs: readonly number[],
): number {
  let exponent = 0;
  let mantissa = Math.floor(bitrateBps);
  while (mantissa > MAX_MANTISSA) {
    mantissa = Math.floor(mantissa / 2);
    exponent += 1;
  }
  const fci = at + FEEDBACK_HEADER_BYTES;
  writeU32(out, fci, IDENTIFIER);
  out[fci + 4] = ssrcs.length;
  writeU24(out, fci + 5, exponent * 2 ** MANTISSA_BITS + mantissa);
  ssrcs.forEach((ssrc, i) => {
    writeU32(out, fci + FIXED_BYTES + 4 * i, ssrc);
  });
  const end = fci + FIXED_BYTES + 4 * ssrcs.length;
  // The media source field is always 0 (§2.2).
  writeFeedbackHeader(out, at, FEEDBACK.application, RTCP.payloadFeedback, senderSsrc, 0, end);
  return end;
}
