/**
 * VP9 payload descriptor (RFC 9628 §4.2), where a publisher sends no Dependency Descriptor.
 *
 *   |I|P|L|F|B|E|V|Z|      P: refers to earlier pictures; B, E: first, last packet of the frame
 *   |M| PICTURE ID  |      when I: 7 or 15 bits
 *   | TID |U| SID |D|      when L: layers; U: switching up point; D: depends on the lower spatial layer
 *   |   TL0PICIDX   |      when L and not F
 *   |   P_DIFF    |N|      when P and F: one to three, N says that another follows
 *   | N_S |Y|G| ... |      when V: scalability structure, N_S + 1 spatial layers; comes with key pictures
 */
import type { FrameInfo } from "../frame-info.ts";

const PICTURE_ID = 0x80;
const PREDICTED = 0x40;
const LAYERS = 0x20;
const FLEXIBLE = 0x10;
const STARTS_FRAME = 0x08;
const ENDS_FRAME = 0x04;
const STRUCTURE = 0x02;
const MAX_DIFFS = 3;

/** The descriptor has room for eight spatial layers, the Dependency Descriptor for four: the fifth and above count as the fourth. */
const HIGHEST_SPATIAL = 3;

/** Reads the descriptor at the start of the payload `packet[at, at + length)`. False when it is cut short. */
export function readVp9(packet: Uint8Array, at: number, length: number, out: FrameInfo): boolean {
  if (length < 2) return false;
  const end = at + length;
  const flags = packet[at]!;
  let next = at + 1;
  out.reset();
  out.startsFrame = (flags & STARTS_FRAME) !== 0;
  out.endsFrame = (flags & ENDS_FRAME) !== 0;
  if ((flags & PICTURE_ID) !== 0) next += packet[next]! > 0x7f ? 2 : 1;
  if ((flags & LAYERS) !== 0) {
    if (next >= end) return false;
    const layers = packet[next]!;
    out.temporal = layers >> 5;
    out.temporalSync = (layers & 0x10) !== 0;
    out.spatial = Math.min((layers >> 1) & 0x07, HIGHEST_SPATIAL);
    out.maxSpatial = out.spatial;
    out.maxTemporal = out.temporal;
    next += (flags & FLEXIBLE) === 0 ? 2 : 1;
  }
  // Only the base layer of a key picture refers to no other frame: no earlier one (P), no lower layer (D).
  out.keyframe = (flags & PREDICTED) === 0 && out.spatial === 0;
  if ((flags & PREDICTED) !== 0 && (flags & FLEXIBLE) !== 0) next = skipDiffs(packet, next, end);
  if (next >= end) return false;
  if ((flags & STRUCTURE) !== 0) out.maxSpatial = Math.min(packet[next]! >> 5, HIGHEST_SPATIAL);
  return true;
}

function skipDiffs(packet: Uint8Array, at: number, end: number): number {
  let next = at;
  for (let diffs = 1; next < end && (packet[next]! & 0x01) !== 0 && diffs < MAX_DIFFS; diffs++) next += 1;
  return next + 1;
}
