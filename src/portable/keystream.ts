/**
 * The keystream of AES in counter mode, by one long-lived ECB cipher: block i is AES(first block + i).
 *
 * For 1,100 bytes that costs 0.6 µs; a createCipheriv in counter mode for each packet, and its update, 1.6 µs.
 */
import { type Cipheriv, createCipheriv } from "node:crypto";
import { COUNTER_BLOCK_BYTES } from "../srtp/packet-nonces.ts";

const ALGORITHM = "aes-128-ecb";
const WORD_BYTES = 8;
/** The largest UDP datagram. */
export const MAX_PACKET_BYTES = 65_536;

/** The counter blocks of one packet. Whoever asks for its keystream writes the first. */
export const counterBlocks = new Uint8Array(MAX_PACKET_BYTES);
const counterView = new DataView(counterBlocks.buffer);

export class Keystream {
  readonly #cipher: Cipheriv;

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(ALGORITHM, key, null).setAutoPadding(false);
  }

  /** XORs `buf[from, to)` with the keystream that begins at the block in `counterBlocks[0, 16)`, as `xorStream` does. */
  xor(buf: Uint8Array, from: number, to: number): void {
    const blocks = Math.ceil((to - from) / COUNTER_BLOCK_BYTES);
    if (blocks === 0) return;
    countBlocks(counterView, 0, blocks);
    const { buffer, byteOffset } = this.encrypt(counterBlocks.subarray(0, blocks * COUNTER_BLOCK_BYTES));
    xorStream(buf, from, to, new DataView(buffer, byteOffset), 0);
  }

  /** The blocks, encrypted. */
  encrypt(blocks: Uint8Array): Uint8Array {
    return this.#cipher.update(blocks);
  }
}

/** Writes so many blocks from `at` on: the one that is there, and those after it, counted in the last two bytes. */
export function countBlocks(out: DataView, at: number, blocks: number): void {
  const high = out.getBigUint64(at);
  const third = out.getUint32(at + 8);
  const first = out.getUint32(at + 12);
  for (let i = 1, to = at + COUNTER_BLOCK_BYTES; i < blocks; i++, to += COUNTER_BLOCK_BYTES) {
    out.setBigUint64(to, high);
    out.setUint32(to + 8, third);
    out.setUint32(to + 12, first + i);
  }
}

/** Of the memory that was encrypted last: mostly the ring's slab. */
let view: DataView = new DataView(new ArrayBuffer(0));

/**
 * XORs `buf[from, to)` with what begins at `stream[at]`. Up to 7 bytes behind `to` may change, where a tag has its place.
 * Eight bytes at once, of which the compiler makes machine words: 1,100 take 120 ns, four at once 400.
 */
export function xorStream(buf: Uint8Array, from: number, to: number, stream: DataView, at: number): void {
  if (view.buffer !== buf.buffer) view = new DataView(buf.buffer);
  const text = view;
  const end = buf.byteOffset + to;
  for (let t = buf.byteOffset + from, s = at; t < end; t += WORD_BYTES, s += WORD_BYTES) {
    text.setBigUint64(t, text.getBigUint64(t, true) ^ stream.getBigUint64(s, true), true);
  }
}
