/**
 * Recycles the memory of packet histories and sent-packet records. Buffers of such sizes are fetched from the operating
 * system, zeroed and collected each time, for which the thread stands still. A slab still holds what its last owner wrote:
 * a new owner must read nothing but what it has written itself.
 */

/**
 * Limit of the memory that is kept. More is memory that nobody uses, less is not enough when one room ends before the next
 * begins. What exceeds it is taken from the sizes that nobody has asked for lately.
 */
const MAX_BYTES = 16 * 1024 * 1024;

export class SlabPool {
  /** By size; the size that was asked for last comes last. */
  readonly #free = new Map<number, Uint8Array[]>();
  #bytes = 0;

  take(bytes: number): Uint8Array {
    const free = this.#free.get(bytes) ?? [];
    this.#free.delete(bytes);
    this.#free.set(bytes, free);
    const slab = free.pop();
    if (slab === undefined) return new Uint8Array(bytes);
    this.#bytes -= bytes;
    return slab;
  }

  /** Gives a slab back: once, and it must not be used afterwards. */
  give(slab: Uint8Array): void {
    if (slab.length === 0) return;
    this.#free.get(slab.length)!.push(slab);
    this.#bytes += slab.length;
    for (const free of this.#free.values()) {
      while (this.#bytes > MAX_BYTES && free.length > 0) this.#bytes -= free.pop()!.length;
    }
  }
}

/** Of the thread. */
export const slabs = new SlabPool();
