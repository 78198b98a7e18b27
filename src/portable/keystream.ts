/**
 * The keystream of AES in counter mode, by one long-lived ECB cipher: block i is AES(first block + i).
 *
 * For 1,100 bytes that costs 0.6 µs; a createCipheriv in counter mode for each packet, and its update, 1.6 µs.
 */
import { type Cipheriv, createCipheriv } from "node:crypto";
import { COUNTER_BLOCK_BYTES } from "../srtp/packet-nonces.ts";
import { MAX_PACKET_BYTES, scratchWords } from "./packet-scratch.ts";

const ALGORITHM = "aes-128-ecb";

/** The counter blocks of one packet, as bytes, halfwords and words. The count in their last two bytes never changes. */
export const counterBlocks = new Uint8Array(MAX_PACKET_BYTES);
const halfwords = new Uint16Array(counterBlocks.buffer);
const words = new Uint32Array(counterBlocks.buffer);
for (let at = 0, i = 0; at < counterBlocks.length; at += COUNTER_BLOCK_BYTES, i++) {
  counterBlocks[at + 14] = i >>> 8;
  counterBlocks[at + 15] = i;
}

export class Keystream {
  readonly #cipher: Cipheriv;

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(ALGORITHM, key, null).setAutoPadding(false);
  }

  /**
   * XORs `scratch[from, to)` with the keystream that begins at the block in `counterBlocks[0, 16)`; `from` is a
   * multiple of 4. Up to 3 bytes behind `to` may change.
   */
  xor(from: number, to: number): void {
    const blocks = Math.ceil((to - from) / COUNTER_BLOCK_BYTES);
    if (blocks === 0) return;
    repeatFirstBlock(blocks);
    const stream = this.encrypt(counterBlocks.subarray(0, blocks * COUNTER_BLOCK_BYTES));
    xorScratch(stream, 0, from, to);
  }

  /** The blocks, encrypted. */
  encrypt(blocks: Uint8Array): Uint32Array {
    const { buffer, byteOffset, length } = this.#cipher.update(blocks);
    return new Uint32Array(buffer, byteOffset, length >> 2);
  }
}

/** XORs `scratch[from, to)` with what begins at `stream[at]`; `from` is a multiple of 4, as is what is changed. */
export function xorScratch(stream: Uint32Array, at: number, from: number, to: number): void {
  const first = from >> 2;
  const count = (to - from + 3) >> 2;
  for (let i = 0; i < count; i++) scratchWords[first + i]! ^= stream[at + i]!;
}

/** All of it but the count. */
function repeatFirstBlock(blocks: number): void {
  const [a, b, c] = [words[0]!, words[1]!, words[2]!];
  const d = halfwords[6]!;
  for (let i = 1; i < blocks; i++) {
    words[4 * i] = a;
    words[4 * i + 1] = b;
    words[4 * i + 2] = c;
    halfwords[8 * i + 6] = d;
  }
}
