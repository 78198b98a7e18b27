/** Slab kept between batches. Larger: more memory for each batch. Smaller: it grows anew in each busy turn. */
const KEPT_BYTES = 65_536;

/** Collects the payloads of one batch of letters in one buffer, which is transferred between threads without a copy. */
export class ByteBatch {
  #slab = new Uint8Array(KEPT_BYTES);
  #length = 0;

  /** Appends a copy of `bytes`; returns its offset. */
  append(bytes: Uint8Array): number {
    const at = this.#length;
    const end = at + bytes.length;
    if (end > this.#slab.length) this.#grow(end);
    this.#slab.set(bytes, at);
    this.#length = end;
    return at;
  }

  /** Returns all that was appended, in a buffer of its own, and starts the next batch. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#slab.slice(0, this.#length);
    this.#length = 0;
    if (this.#slab.length > KEPT_BYTES) this.#slab = new Uint8Array(KEPT_BYTES);
    return taken;
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(bytes, 2 * this.#slab.length));
    larger.set(this.#slab.subarray(0, this.#length));
    this.#slab = larger;
  }
}
