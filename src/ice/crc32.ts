/** CRC-32 of ITU V.42 for STUN's FINGERPRINT (RFC 8489 §14.7): reflected, polynomial 0xEDB88320. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 of `b[from, to)`, unsigned. */
export function crc32(b: Uint8Array, from: number, to: number): number {
  let crc = -1;
  for (let at = from; at < to; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ b[at]!) & 0xff]!;
  return ~crc >>> 0;
}
