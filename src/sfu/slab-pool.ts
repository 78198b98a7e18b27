/**
 * Memory of those who have left, for those who come: what was received of a stream, and what a receiver was sent. Such
 * sizes are fetched from the operating system, zeroed and collected each time, and the thread stands still for it.
 *
 * A slab comes with what its last owner wrote. Who takes it reads nothing but what it has written itself.
 */

/**
 * Kept in all. More is memory that nobody uses, fewer does not last for a room that leaves before the next one comes. What is
 * too much is taken from the sizes that nobody has asked for lately.
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

  /** To be called once for each that was taken, by who does not read it any more. */
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
