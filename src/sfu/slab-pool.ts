/**
 * Memory of those who have left, for those who come: what was received of a stream, and what a receiver was sent. Such
 * sizes are fetched from the operating system, zeroed and collected each time, and the thread stands still for it.
 *
 * A slab comes with what its last owner wrote. Who takes it reads nothing but what it has written itself.
 */

/** Kept in all. More is memory that nobody uses, fewer does not last for a room that leaves before the next one comes. */
const MAX_BYTES = 16 * 1024 * 1024;

export class SlabPool {
  /** By size. */
  readonly #free = new Map<number, Uint8Array[]>();
  #bytes = 0;

  take(bytes: number): Uint8Array {
    const slab = this.#free.get(bytes)?.pop();
    if (slab === undefined) return new Uint8Array(bytes);
    this.#bytes -= bytes;
    return slab;
  }

  /** To be called once for each that was taken, by who does not read it any more. */
  give(slab: Uint8Array): void {
    const bytes = slab.length;
    if (bytes === 0 || this.#bytes + bytes > MAX_BYTES) return;
    const free = this.#free.get(bytes);
    if (free === undefined) this.#free.set(bytes, [slab]);
    else free.push(slab);
    this.#bytes += bytes;
  }
}

/** Of the thread. */
export const slabs = new SlabPool();
