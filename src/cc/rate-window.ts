/**
 * Bits per second over a last span of time, from byte counts stamped with their time.
 *
 *   total ▲              ┌──   one running total, and what it was when each bucket of 10 ms began:
 *         │         ┌────┘     a span's bytes are the difference of two, and the oldest bucket counts
 *         │    ┌────┘          for the part of it that is inside the span
 *         └────┴────┴────┴──▶
 *
 * So memory and work are small, and the same however many packets come.
 */
const BUCKET_US = 10_000;
/** A power of two; they hold the longest span that is asked for. */
const BUCKETS = 64;
const MASK = BUCKETS - 1;

/** A time so much older than the newest is no reordering: the clock has been set back. */
const RESTART_US = 2_000_000;

/** A rate over less time than this would be misleading: one frame would look like a flood. */
const MIN_SPAN_US = 150_000;

const NEVER = Number.POSITIVE_INFINITY;

export class RateWindow {
  /** The newest stamp. */
  newestUs = 0;
  #total = 0;
  /** Total when each bucket began. */
  readonly #before = new Float64Array(BUCKETS);
  /** Number of the newest bucket, counted from the clock's zero, and when it begins. */
  #head = 0;
  #headUs = NEVER;
  #startUs = NEVER;

  add(bytes: number, atUs: number): void {
    const sinceUs = atUs - this.#headUs;
    // Packets come in bursts: most belong where the one before did, and need no division.
    if (!(sinceUs >= 0 && sinceUs < BUCKET_US)) this.#placeIn(Math.floor(atUs / BUCKET_US), bytes, atUs);
    this.#total += bytes;
    if (atUs > this.newestUs) this.newestUs = atUs;
  }

  /** Over the `spanUs`, at most 600 ms, before `atUs`; 0 while too little time has passed to say. */
  bps(atUs: number, spanUs: number): number {
    const coveredUs = Math.min(spanUs, atUs - this.#startUs);
    if (coveredUs < Math.min(MIN_SPAN_US, spanUs)) return 0;
    const from = (atUs - coveredUs) / BUCKET_US;
    const oldest = Math.max(Math.floor(from), this.#head - BUCKETS + 1);
    if (oldest > this.#head) return 0;
    const before = this.#before[oldest & MASK]!;
    const after = oldest === this.#head ? this.#total : this.#before[(oldest + 1) & MASK]!;
    const outside = Math.max(from - oldest, 0) * (after - before);
    return ((this.#total - before - outside) * 8_000_000) / coveredUs;
  }

  /** Forgets what was counted. */
  reset(): void {
    this.#startUs = NEVER;
    this.#headUs = NEVER;
  }

  /** Prepares for bytes of another bucket than the newest. After a silence of all buckets a rate begins as at first. */
  #placeIn(bucket: number, bytes: number, atUs: number): void {
    const known = this.#startUs !== NEVER && atUs >= this.newestUs - RESTART_US;
    if (known && bucket < this.#head) {
      for (let later = Math.max(bucket, this.#head - BUCKETS) + 1; later <= this.#head; later++) {
        this.#before[later & MASK]! += bytes;
      }
      return;
    }
    if (known && bucket < this.#head + BUCKETS) {
      for (let next = this.#head + 1; next <= bucket; next++) this.#before[next & MASK] = this.#total;
    } else {
      this.#before.fill(this.#total);
      this.#startUs = atUs;
      this.newestUs = atUs;
    }
    this.#head = bucket;
    this.#headUs = bucket * BUCKET_US;
  }
}
