/**
 * H.264 NAL unit types (RFC 6184 §5.2), where a publisher sends no Dependency Descriptor. A key frame starts with a
 * sequence parameter set, or with an IDR slice when the sets are sent out of band.
 */
import { readU16 } from "../../base/bytes.ts";
import type { FrameInfo } from "../frame-info.ts";

const IDR = 5;
const SPS = 7;
const STAP_A = 24;
const FU_A = 28;
const TYPE_MASK = 0x1f;
const FU_START = 0x80;

/** Reads the NAL headers of the payload `packet[at, at + length)`. Returns false when it is cut short. */
export function readH264(
  packet: Uint8Array,
  at: number,
  length: number,
  marker: boolean,
  out: FrameInfo,
): boolean {
  if (length < 1) return false;
  out.reset();
  out.endsFrame = marker;
  const type = packet[at]! & TYPE_MASK;
  if (type === STAP_A) return readAggregate(packet, at + 1, at + length, out);
  if (type === FU_A) {
    if (length < 2) return false;
    const header = packet[at + 1]!;
    out.keyframe = (header & TYPE_MASK) === IDR;
    out.startsFrame = (header & FU_START) !== 0;
    return true;
  }
  out.keyframe = type === IDR || type === SPS;
  out.startsFrame = true;
  return true;
}

/** STAP-A (§5.7.1): at least one NAL unit, each after its 16-bit size. */
function readAggregate(packet: Uint8Array, start: number, end: number, out: FrameInfo): boolean {
  if (start === end) return false;
  out.startsFrame = true;
  for (let at = start; at < end; ) {
    if (at + 3 > end) return false;
    const bytes = readU16(packet, at);
    if (bytes === 0 || at + 2 + bytes > end) return false;
    const type = packet[at + 2]! & TYPE_MASK;
    if (type === IDR || type === SPS) out.keyframe = true;
    at += 2 + bytes;
  }
  return true;
}
