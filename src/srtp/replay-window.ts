/**
 * Which of the latest packet indices were used (RFC 3711 §3.3.2): a bitmap that ends at the highest.
 *
 *   index   highest - size + 1 … highest
 *   bit     index mod size, in `#bits`
 *
 * A new highest index clears the bits between, so the bitmap never shifts. Indices are integers in [0, 2^53).
 */
const WORD_BITS = 32;

export class ReplayWindow {
  /** The highest index marked so far, -1 before the first. */
  highest: number;
  readonly #size: number;
  readonly #bits: Int32Array;

  /** `size`: a power of two, at least 64 (RFC 3711 §3.3.2). Indices up to `highest` count as marked. */
  constructor(size: number, highest = -1) {
    this.#size = size;
    this.highest = highest;
    this.#bits = new Int32Array(size / WORD_BITS);
    this.#bits.fill(-1);
  }

  /** Whether `index` is within the window or above it, and not marked. */
  isFresh(index: number): boolean {
    if (index > this.highest) return true;
    if (this.highest - index >= this.#size) return false;
    const bit = index & (this.#size - 1);
    return (this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0;
  }

  /** Marks an index that is fresh. */
  mark(index: number): void {
    if (index > this.highest) this.#advance(index);
    const bit = index & (this.#size - 1);
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  /** Clears the bits of the indices that come into the window. */
  #advance(to: number): void {
    if (to - this.highest >= this.#size) this.#bits.fill(0);
    else {
      for (let index = this.highest + 1; index <= to; index++) {
        const bit = index & (this.#size - 1);
        this.#bits[bit >>> 5]! &= ~(1 << (bit & 31));
      }
    }
    this.highest = to;
  }
}
