/**
 * VP8 payload descriptor (RFC 7741 §4.2): at the start of each payload, never encrypted end to end.
 *
 *   |X|R|N|S|R| PID |          S: first packet of a partition; PID 0: of the frame
 *   |I|L|T|K|  RSV  |          when X
 *   |M| PictureID 7 or 15 bits |   when I
 *   |   TL0PICIDX   |          when L
 *   |TID|Y| KEYIDX  |          when T or K
 */
import type { FrameInfo } from "../frame-info.ts";
import { PictureNumbers } from "./picture-numbers.ts";

export class Vp8Descriptor extends PictureNumbers {
  bytes = 0;
  startsFrame = false;
  temporal = 0;
  /** Y: refers only to base layer frames. */
  layerSync = false;
}

/** Reads the descriptor at the start of the payload `packet[at, at + length)`. False when it is cut short. */
export function readVp8Descriptor(
  packet: Uint8Array,
  at: number,
  length: number,
  out: Vp8Descriptor,
): boolean {
  if (length < 1) return false;
  const first = packet[at]!;
  out.clear();
  out.startsFrame = (first & 0x17) === 0x10;
  out.temporal = 0;
  out.layerSync = false;
  out.bytes = 1;
  if ((first & 0x80) === 0) return length > 1;

  if (length < 2) return false;
  const flags = packet[at + 1]!;
  let next = at + 2;
  const end = at + length;
  if ((flags & 0x80) !== 0) {
    // Two bytes even for the short form: at least one byte has to follow it anyway.
    if (next + 2 > end) return false;
    next += out.readPictureId(packet, next);
  }
  if ((flags & 0x40) !== 0) {
    if (next >= end) return false;
    out.readTl0PicIdx(packet, next);
    next += 1;
  }
  if ((flags & 0x30) !== 0) {
    if (next >= end) return false;
    if ((flags & 0x20) !== 0) {
      out.temporal = packet[next]! >> 6;
      out.layerSync = (packet[next]! & 0x20) !== 0;
    }
    next += 1;
  }
  out.bytes = next - at;
  return next < end;
}

/**
 * Reads the frame facts where there is no Dependency Descriptor. The key frame bit is in the first byte of the frame itself
 * (RFC 6386 §9.1), which the known formats of end-to-end encryption leave clear.
 */
export function readVp8(
  packet: Uint8Array,
  at: number,
  length: number,
  d: Vp8Descriptor,
  out: FrameInfo,
): boolean {
  if (!readVp8Descriptor(packet, at, length, d)) return false;
  out.reset();
  out.startsFrame = d.startsFrame;
  out.keyframe = d.startsFrame && (packet[at + d.bytes]! & 0x01) === 0;
  out.temporal = d.temporal;
  out.maxTemporal = d.temporal;
  out.temporalSync = d.layerSync;
  return true;
}
