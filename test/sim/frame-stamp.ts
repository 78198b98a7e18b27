/**
 * What simulated payloads hold behind the codec's descriptor: their sender and what a decoder needs to know, then noise
 * derived from that, so that a receiver can check byte for byte whether a payload is what was published. The server
 * must not read it: to the server this is the encrypted frame.
 *
 *   | publisher 16 | layer 8 | temporal 8 | packet number 32 | frame 32 | reference 32 | noise …
 */
import { readU16, readU32, writeU16, writeU32 } from "../../src/base/bytes.ts";
import { seededRandom } from "./seeded-random.ts";

export const STAMP_BYTES = 16;

/** Payloads are slices of it, whose starts differ by packet, so that a moved byte is detected. */
const random = seededRandom(1);
const NOISE = Buffer.from(Uint8Array.from({ length: 64 * 1024 }, () => random() * 256));
const STARTS = NOISE.length - 2048;

export class FrameStamp {
  publisher = 0;
  /** Encoding or spatial layer. */
  layer = 0;
  temporal = 0;
  /** Number of the packet in its stream. */
  packet = 0;
  /** Number of the frame in its stream, from 1. */
  frame = 0;
  /** The frame that a decoder must have decoded before; 0 for none. */
  reference = 0;

  /** Reads and checks the payload `bytes[at, end)`. False when it differs from what was published. */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < STAMP_BYTES) return false;
    this.publisher = readU16(bytes, at);
    this.layer = bytes[at + 2]!;
    this.temporal = bytes[at + 3]!;
    this.packet = readU32(bytes, at + 4);
    this.frame = readU32(bytes, at + 8);
    this.reference = readU32(bytes, at + 12);
    const start = this.#noiseAt;
    const noiseAt = at + STAMP_BYTES;
    return NOISE.compare(bytes, noiseAt, end, start, start + end - noiseAt) === 0;
  }

  /** Fills `out[at, end)`. */
  write(out: Uint8Array, at: number, end: number): void {
    writeU16(out, at, this.publisher);
    out[at + 2] = this.layer;
    out[at + 3] = this.temporal;
    writeU32(out, at + 4, this.packet);
    writeU32(out, at + 8, this.frame);
    writeU32(out, at + 12, this.reference);
    const start = this.#noiseAt;
    NOISE.copy(out, at + STAMP_BYTES, start, start + end - at - STAMP_BYTES);
  }

  get #noiseAt(): number {
    return (this.packet * 61 + this.publisher * 7 + this.layer * 3) % STARTS;
  }
}
