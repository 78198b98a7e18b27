/**
 * Bits per second over a last span of time, from byte counts stamped with their time.
 *
 * Counts go to buckets of 10 ms: so memory and work are small and the same however many packets come. The oldest bucket
 * counts for the part of it that is inside the span.
 */
const BUCKET_US = 10_000;
/** A power of two; they hold the longest span that is asked for. */
const BUCKETS = 64;
const MASK = BUCKETS - 1;

/** A stamp so much older than the newest is no reordering: the clock that stamps has been set back. */
const RESTART_US = 2_000_000;

/** Less time than this is no base for a rate: one frame would look like a flood. */
const MIN_SPAN_US = 150_000;

export class RateWindow {
  /** The newest stamp. */
  newestUs = 0;
  readonly #bytes = new Float64Array(BUCKETS);
  /** Number of the newest bucket, counted from the clock's zero. */
  #head = -1;
  #startUs = Number.POSITIVE_INFINITY;

  add(bytes: number, atUs: number): void {
    const bucket = Math.floor(atUs / BUCKET_US);
    if (bucket !== this.#head) this.#move(bucket, atUs);
    if (atUs > this.newestUs) this.newestUs = atUs;
    if (bucket > this.#head - BUCKETS) this.#bytes[bucket & MASK]! += bytes;
  }

  /** Over the `spanUs`, at most 600 ms, before `atUs`; 0 while too little time has passed to say. */
  bps(atUs: number, spanUs: number): number {
    const coveredUs = Math.min(spanUs, atUs - this.#startUs);
    if (!(coveredUs >= Math.min(MIN_SPAN_US, spanUs))) return 0;
    const from = (atUs - coveredUs) / BUCKET_US;
    const oldest = Math.max(Math.floor(from), this.#head - BUCKETS + 1);
    let bytes = 0;
    for (let bucket = oldest; bucket <= this.#head; bucket++) bytes += this.#bytes[bucket & MASK]!;
    if (oldest < from && oldest <= this.#head) bytes -= (from - oldest) * this.#bytes[oldest & MASK]!;
    return (bytes * 8_000_000) / coveredUs;
  }

  /** What was counted says nothing of what comes. */
  reset(): void {
    this.#startUs = Number.POSITIVE_INFINITY;
    this.#head = -1;
  }

  /** `bucket` is not the newest one. */
  #move(bucket: number, atUs: number): void {
    const restarts = this.#startUs === Number.POSITIVE_INFINITY || atUs < this.newestUs - RESTART_US;
    if (!restarts && bucket < this.#head) return;
    if (restarts || bucket - this.#head >= BUCKETS) this.#bytes.fill(0);
    else for (let next = this.#head + 1; next <= bucket; next++) this.#bytes[next & MASK] = 0;
    this.#head = bucket;
    if (!restarts) return;
    this.#startUs = atUs;
    this.newestUs = atUs;
  }
}
