/**
 * VP9 payload descriptor (RFC 9628 §4.2): at the start of each payload, never encrypted end to end.
 *
 *   |I|P|L|F|B|E|V|Z|      P: refers to earlier pictures; B, E: first, last packet of the frame
 *   |M| PICTURE ID  |      when I: 7 or 15 bits
 *   | TID |U| SID |D|      when L: layers; U: switching up point; D: depends on the lower spatial layer
 *   |   TL0PICIDX   |      when L and not F
 *   |   P_DIFF    |N|      when P and F: one to three, N says that another follows
 *   | N_S |Y|G| ... |      when V: scalability structure, N_S + 1 spatial layers; comes with key pictures
 */
import type { FrameInfo } from "../frame-info.ts";
import { PictureNumbers } from "./picture-numbers.ts";

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

export class Vp9Descriptor extends PictureNumbers {
  startsFrame = false;
  endsFrame = false;
  isPredicted = false;
  spatial = 0;
  temporal = 0;
  /** U: later pictures of higher temporal layers refer to none of them before this one. */
  switchingUp = false;
  /** Highest spatial layer of the scalability structure; without one, `spatial`. */
  maxSpatial = 0;
}

/** Reads the descriptor at the start of the payload `packet[at, at + length)`. False when it is cut short. */
export function readVp9Descriptor(
  packet: Uint8Array,
  at: number,
  length: number,
  out: Vp9Descriptor,
): boolean {
  if (length < 2) return false;
  const end = at + length;
  const flags = packet[at]!;
  let next = at + 1;
  out.clear();
  out.startsFrame = (flags & STARTS_FRAME) !== 0;
  out.endsFrame = (flags & ENDS_FRAME) !== 0;
  out.isPredicted = (flags & PREDICTED) !== 0;
  if ((flags & PICTURE_ID) !== 0) {
    if (length < 3) return false;
    next += out.readPictureId(packet, next);
  }
  const layers = (flags & LAYERS) !== 0;
  if (layers && next >= end) return false;
  const layer = layers ? packet[next++]! : 0;
  out.temporal = layer >> 5;
  out.switchingUp = (layer & 0x10) !== 0;
  out.spatial = Math.min((layer >> 1) & 0x07, HIGHEST_SPATIAL);
  if (layers && (flags & FLEXIBLE) === 0) {
    if (next >= end) return false;
    out.readTl0PicIdx(packet, next);
    next += 1;
  }
  if (out.isPredicted && (flags & FLEXIBLE) !== 0) next = skipDiffs(packet, next, end);
  if (next >= end) return false;
  const hasStructure = (flags & STRUCTURE) !== 0;
  out.maxSpatial = hasStructure ? Math.min(packet[next]! >> 5, HIGHEST_SPATIAL) : out.spatial;
  return true;
}

/** Reads the frame facts where there is no Dependency Descriptor. */
export function readVp9(
  packet: Uint8Array,
  at: number,
  length: number,
  d: Vp9Descriptor,
  out: FrameInfo,
): boolean {
  if (!readVp9Descriptor(packet, at, length, d)) return false;
  out.reset();
  out.startsFrame = d.startsFrame;
  out.endsFrame = d.endsFrame;
  // Only the base layer of a key picture refers to no other frame: no earlier one (P), no lower layer (D).
  out.keyframe = !d.isPredicted && d.spatial === 0;
  out.spatial = d.spatial;
  out.temporal = d.temporal;
  out.temporalSync = d.switchingUp;
  out.maxSpatial = d.maxSpatial;
  out.maxTemporal = d.temporal;
  return true;
}

function skipDiffs(packet: Uint8Array, at: number, end: number): number {
  let next = at;
  for (let diffs = 1; next < end && (packet[next]! & 0x01) !== 0 && diffs < MAX_DIFFS; diffs++) next += 1;
  return next + 1;
}
