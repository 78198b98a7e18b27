/**
 * A histogram of delays in exponential buckets: sixteen to each doubling, so that a percentile is at most 6 % too high.
 * Merged across processes and read at the end; adding costs one logarithm and no allocation.
 */
const PER_DOUBLING = 16;
/** 2^26 µs is about a minute. Longer delays count as that. */
const DOUBLINGS = 26;
export const DELAY_BUCKETS = PER_DOUBLING * DOUBLINGS + 1;

export class DelayHistogram {
  readonly buckets: Float64Array;

  constructor(buckets: Float64Array = new Float64Array(DELAY_BUCKETS)) {
    this.buckets = buckets;
  }

  get count(): number {
    return this.buckets.reduce((sum, one) => sum + one, 0);
  }

  add(us: number): void {
    const index = us <= 1 ? 0 : Math.ceil(Math.log2(us) * PER_DOUBLING);
    this.buckets[Math.min(index, DELAY_BUCKETS - 1)]! += 1;
  }

  merge(other: DelayHistogram): void {
    other.buckets.forEach((count, i) => {
      this.buckets[i]! += count;
    });
  }

  /** The upper bound of the bucket that contains this quantile, µs; NaN when empty. */
  quantileUs(quantile: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * quantile));
    let seen = 0;
    for (let i = 0; i < this.buckets.length; i++) {
      seen += this.buckets[i]!;
      if (seen >= wanted) return 2 ** (i / PER_DOUBLING);
    }
    return Number.NaN;
  }
}
