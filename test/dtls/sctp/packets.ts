/** SCTP packets as an attacker would make them: every length and number may be a lie, the checksum is right. */
import { crc32c } from "werift";

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** `length` as it is said, when that is not the truth. */
export function chunk(type: number, value: Uint8Array, flags = 0, length = 4 + value.length): Buffer {
  const header = Buffer.from([type, flags, length >> 8, length & 0xff]);
  return Buffer.concat([header, value, Buffer.alloc(-value.length & 3)]);
}

export function packet(tag: number, ...chunks: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(5000, 0);
  header.writeUInt16BE(5000, 2);
  header.writeUInt32BE(tag, 4);
  return withChecksum(Buffer.concat([header, ...chunks]));
}

export function withChecksum(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length < 12) return copy;
  copy.writeUInt32LE(0, 8);
  copy.writeUInt32LE(crc32c(copy), 8);
  return copy;
}

export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
}

/** Value of a DATA chunk. */
export function data(
  tsn: number,
  streamId: number,
  sequence: number,
  ppid: number,
  payload: Uint8Array,
): Buffer {
  return Buffer.concat([u32(tsn), u16(streamId, sequence), u32(ppid), payload]);
}

/** Value of a SACK chunk. */
export function sack(
  cumulativeTsn: number,
  gaps: readonly (readonly [start: number, end: number])[],
  duplicates: readonly number[] = [],
): Buffer {
  return Buffer.concat([
    u32(cumulativeTsn, 1_000_000),
    u16(gaps.length, duplicates.length, ...gaps.flat()),
    u32(...duplicates),
  ]);
}

export function parameter(type: number, value: Uint8Array, length = 4 + value.length): Buffer {
  return Buffer.concat([u16(type, length), value, Buffer.alloc(-value.length & 3)]);
}
