/** One key set up in an EVP_CIPHER_CTX, outside the heap: counted, freed once, and unusable afterwards. */
import assert from "node:assert/strict";
import { encryptInit, freeContext, NULL, newContext } from "./open-ssl.ts";
import { withKey } from "./packet-memory.ts";

const KEY_BYTES = 16;

let live = 0;

/** Number of contexts of this thread that are not yet freed. */
export function liveContexts(): number {
  return live;
}

export class CipherContext {
  #pointer: bigint;

  /** `cipher`: an EVP_CIPHER of AES-128. */
  constructor(cipher: bigint, key: Uint8Array) {
    // OpenSSL reads 16 bytes unchecked.
    assert(key.length === KEY_BYTES, "AES-128 has keys of 16 bytes");
    this.#pointer = newContext();
    assert(this.#pointer !== NULL, "OpenSSL has no memory");
    live += 1;
    if (withKey(key, (pointer) => encryptInit(this.#pointer, cipher, pointer, NULL)) !== 1) {
      this.free();
      assert.fail("OpenSSL refused the cipher or its key");
    }
  }

  /** Throws when the context was freed, which OpenSSL would not notice. */
  get pointer(): bigint {
    if (this.#pointer === NULL) assert.fail("cipher used after free()");
    return this.#pointer;
  }

  free(): void {
    if (this.#pointer === NULL) return;
    freeContext(this.#pointer);
    this.#pointer = NULL;
    live -= 1;
  }
}
