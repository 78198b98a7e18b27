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

export interface Remb {
  readonly bps: number;
  /** The streams that it is about. */
  readonly ssrcs: readonly number[];
}

/** Undefined when the message is no REMB, or cut short. */
export function readRemb(buffer: Uint8Array, { at, bytes }: RtcpCursor): Remb | undefined {
  const fci = at + FEEDBACK_HEADER_BYTES;
  if (bytes < FEEDBACK_HEADER_BYTES + FIXED_BYTES || readU32(buffer, fci) !== IDENTIFIER) return undefined;
  const count = buffer[fci + 4]!;
  if (bytes < FEEDBACK_HEADER_BYTES + FIXED_BYTES + 4 * count) return undefined;
  const packed = readU24(buffer, fci + 5);
  const bps = (packed % 2 ** MANTISSA_BITS) * 2 ** (packed >> MANTISSA_BITS);
  const ssrcs = Array.from({ length: count }, (_, i) => readU32(buffer, fci + FIXED_BYTES + 4 * i));
  return { bps, ssrcs };
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
