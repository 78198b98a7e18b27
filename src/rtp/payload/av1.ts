/**
 * AV1 aggregation header (AV1 RTP specification §4.4), where a publisher sends no Dependency Descriptor.
 *
 *   |Z|Y| W |N|-|-|-|      Z: continues an OBU of the packet before; N: first packet of a coded video sequence
 */
import type { FrameInfo } from "../frame-info.ts";

/** Reads the first byte of the payload `packet[at, at + length)`. Returns false when it is cut short. */
export function readAv1(
  packet: Uint8Array,
  at: number,
  length: number,
  marker: boolean,
  out: FrameInfo,
): boolean {
  if (length < 2) return false;
  const header = packet[at]!;
  out.reset();
  out.keyframe = (header & 0x08) !== 0;
  out.startsFrame = (header & 0x80) === 0;
  out.endsFrame = marker;
  return true;
}
