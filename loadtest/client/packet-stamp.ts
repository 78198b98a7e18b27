/**
 * The last bytes of every payload: when it was sent, and as which packet of which stream. At the end, so that it is
 * found without parsing the codec's descriptor.
 *
 *   | "LOAD" 4 | sent, µs 8 | publisher 2 | layer 1 | layers 1 | number 4 |
 *
 * `number` counts the packets of one layer from 0. A server that forwards a complete layer forwards every number.
 */
import { readU16, readU32, writeU16, writeU32 } from "../../src/base/bytes.ts";

export const STAMP_BYTES = 20;
const MAGIC = 0x4c4f4144;

export interface PacketStamp {
  /** CLOCK_MONOTONIC, microseconds. */
  sentUs: number;
  publisher: number;
  /** Audio has one layer, 0; video as many as it has encodings or spatial layers. */
  layer: number;
  layers: number;
  number: number;
}

/** Writes into the last `STAMP_BYTES` of `out[0, end)`. */
export function writeStamp(out: Uint8Array, end: number, stamp: PacketStamp): void {
  const at = end - STAMP_BYTES;
  writeU32(out, at, MAGIC);
  writeU32(out, at + 4, Math.floor(stamp.sentUs / 2 ** 32));
  writeU32(out, at + 8, stamp.sentUs % 2 ** 32);
  writeU16(out, at + 12, stamp.publisher);
  out[at + 14] = stamp.layer;
  out[at + 15] = stamp.layers;
  writeU32(out, at + 16, stamp.number);
}

/** Reads the stamp of the plaintext `packet[0, end)` into `out`. False when it has none. */
export function readStamp(packet: Uint8Array, end: number, out: PacketStamp): boolean {
  const at = end - STAMP_BYTES;
  if (at < 0 || readU32(packet, at) !== MAGIC) return false;
  out.sentUs = readU32(packet, at + 4) * 2 ** 32 + readU32(packet, at + 8);
  out.publisher = readU16(packet, at + 12);
  out.layer = packet[at + 14]!;
  out.layers = packet[at + 15]!;
  out.number = readU32(packet, at + 16);
  return true;
}
