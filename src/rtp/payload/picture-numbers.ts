/**
 * The numbers of a picture in a payload descriptor, laid out alike in VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2):
 *
 *   |M| PictureID 7 or 15 bits |   M: 15 bits, in two bytes
 *   |   TL0PICIDX   |              counts the pictures of the lowest temporal layer
 */
import { readU16, writeU16 } from "../../base/bytes.ts";

const ABSENT = -1;
const LONG = 0x8000;

export class PictureNumbers {
  /** -1 when absent; `pictureIdBits` is then 0, else 7 or 15. */
  pictureId = ABSENT;
  pictureIdBits = 0;
  /** -1 when absent. */
  tl0PicIdx = ABSENT;
  #pictureIdAt = 0;
  #tl0PicIdxAt = 0;

  clear(): void {
    this.pictureId = ABSENT;
    this.pictureIdBits = 0;
    this.tl0PicIdx = ABSENT;
  }

  /** Reads the id at `packet[at]`, where two bytes have to be readable even for the short form. Returns its size, bytes. */
  readPictureId(packet: Uint8Array, at: number): number {
    const long = packet[at]! > 0x7f;
    this.pictureIdBits = long ? 15 : 7;
    this.#pictureIdAt = at;
    this.pictureId = long ? readU16(packet, at) & ~LONG : packet[at]!;
    return long ? 2 : 1;
  }

  readTl0PicIdx(packet: Uint8Array, at: number): void {
    this.#tl0PicIdxAt = at;
    this.tl0PicIdx = packet[at]!;
  }

  /** Overwrites the numbers that the descriptor has, in the `packet` that they were read from. */
  rewrite(packet: Uint8Array, pictureId: number, tl0PicIdx: number): void {
    if (this.pictureIdBits === 15) writeU16(packet, this.#pictureIdAt, LONG | (pictureId & ~LONG));
    else if (this.pictureIdBits === 7) packet[this.#pictureIdAt] = pictureId & 0x7f;
    if (this.tl0PicIdx !== ABSENT) packet[this.#tl0PicIdxAt] = tl0PicIdx;
  }
}
