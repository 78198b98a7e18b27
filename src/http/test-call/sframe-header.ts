/**
 * The SFrame header (RFC 9605 §4.3): key id and counter.
 *
 *   0 1 2 3 4 5 6 7
 *  +-+-+-+-+-+-+-+-+-----------------+-----------------+
 *  |X|  K  |Y|  C  |  KID, K+1 bytes |  CTR, C+1 bytes |
 *  +-+-+-+-+-+-+-+-+-----------------+-----------------+
 *
 * With X (or Y) clear, K (or C) is the value itself and no bytes follow for it. Both values take up to 64 bits, hence
 * bigint. This file, like its neighbours, runs in browsers as well as in Node.
 */
export interface SframeHeader {
  readonly kid: bigint;
  readonly ctr: bigint;
  /** Length of the header, 1 to 17: the ciphertext starts there. */
  readonly headerBytes: number;
}

/** Values below this are written into the first byte. */
const INLINE_LIMIT = 8n;
const EXTENDED = 0x8;

/** `kid` and `ctr` in [0, 2^64). */
export function encodeSframeHeader(kid: bigint, ctr: bigint): Uint8Array<ArrayBuffer> {
  const kidBytes = kid < INLINE_LIMIT ? [] : minimalBytes(kid);
  const ctrBytes = ctr < INLINE_LIMIT ? [] : minimalBytes(ctr);
  const first = (nibble(kid, kidBytes) << 4) | nibble(ctr, ctrBytes);
  return Uint8Array.of(first, ...kidBytes, ...ctrBytes);
}

/** Undefined when `data` ends within the header, or a value is not in its shortest encoding (required by §4.3). */
export function decodeSframeHeader(data: Uint8Array): SframeHeader | undefined {
  const first = data[0];
  if (first === undefined) return undefined;
  const kid = readValue(data, 1, first >> 4);
  if (kid === undefined) return undefined;
  const ctr = readValue(data, kid.end, first & 0x0f);
  if (ctr === undefined) return undefined;
  return { kid: kid.value, ctr: ctr.value, headerBytes: ctr.end };
}

function nibble(value: bigint, bytes: readonly number[]): number {
  return bytes.length === 0 ? Number(value) : EXTENDED | (bytes.length - 1);
}

/** Big-endian, without leading zeros. */
function minimalBytes(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return bytes;
}

function readValue(data: Uint8Array, at: number, bits: number): { value: bigint; end: number } | undefined {
  const low = bits & 0x7;
  if ((bits & EXTENDED) === 0) return { value: BigInt(low), end: at };
  const end = at + low + 1;
  if (end > data.length) return undefined;
  let value = 0n;
  for (const byte of data.subarray(at, end)) value = (value << 8n) | BigInt(byte);
  const isMinimal = data[at] !== 0 && value >= INLINE_LIMIT;
  return isMinimal ? { value, end } : undefined;
}
