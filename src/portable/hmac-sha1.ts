/**
 * HMAC-SHA1 (RFC 2104) by two one-shot hashes:  SHA-1(key ^ opad | SHA-1(key ^ ipad | message)).
 *
 * node:crypto's one-shot hash makes no object, and with a string for the digest no buffer: 0.9 µs for 1,100 bytes where
 * createHmac takes 1.8 µs; for 100 bytes 0.4 and 1.5.
 */
import { hash } from "node:crypto";
import { HMAC_BLOCK_BYTES, scratch } from "./packet-scratch.ts";

const DIGEST_BYTES = 20;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

export class HmacSha1 {
  readonly #innerKey = new Uint8Array(HMAC_BLOCK_BYTES).fill(INNER_PAD);
  /** Key, and room for the inner digest. */
  readonly #outer = new Uint8Array(HMAC_BLOCK_BYTES + DIGEST_BYTES).fill(OUTER_PAD);

  /** `key`: at most a block. */
  constructor(key: Uint8Array) {
    for (let i = 0; i < key.length; i++) {
      this.#innerKey[i]! ^= key[i]!;
      this.#outer[i]! ^= key[i]!;
    }
  }

  /** Of `scratch[from, to)`; the block before `from` is overwritten. A character of the digest is one byte. */
  digest(from: number, to: number): string {
    const keyAt = from - HMAC_BLOCK_BYTES;
    scratch.set(this.#innerKey, keyAt);
    const inner = hash("sha1", scratch.subarray(keyAt, to), "latin1");
    for (let i = 0; i < DIGEST_BYTES; i++) this.#outer[HMAC_BLOCK_BYTES + i] = inner.charCodeAt(i);
    return hash("sha1", this.#outer, "latin1");
  }
}
