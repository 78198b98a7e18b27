/**
 * VP9 payload descriptor (RFC 9628 §4.2), where a publisher sends no Dependency Descriptor.
 *
 *   |I|P|L|F|B|E|V|Z|      P: refers to earlier pictures; B, E: first, last packet of the frame
 *   |M| PICTURE ID  |      when I: 7 or 15 bits
 *   | TID |U| SID |D|      when L: layers; U: switching up point; D: depends on the lower spatial layer
 */
import type { FrameInfo } from "../frame-info.ts";

/** Reads the descriptor at the start of the payload `packet[at, at + length)`. False when it is cut short. */
export function readVp9(packet: Uint8Array, at: number, length: number, out: FrameInfo): boolean {
  if (length < 2) return false;
  const flags = packet[at]!;
  let next = at + 1;
  const end = at + length;
  out.reset();
  out.startsFrame = (flags & 0x08) !== 0;
  out.endsFrame = (flags & 0x04) !== 0;
  if ((flags & 0x80) !== 0) next += packet[next]! > 0x7f ? 2 : 1;
  if ((flags & 0x20) !== 0) {
    if (next >= end) return false;
    const layers = packet[next]!;
    out.temporal = layers >> 5;
    out.temporalSync = (layers & 0x10) !== 0;
    out.spatial = (layers >> 1) & 0x07;
    out.maxSpatial = out.spatial;
    out.maxTemporal = out.temporal;
  }
  // Only the base layer of a key picture refers to nothing: not to the past (P), not downwards (D).
  out.keyframe = (flags & 0x40) === 0 && out.spatial === 0;
  return next < end;
}
