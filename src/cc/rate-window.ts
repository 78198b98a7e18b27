/**
 * Bits per second over the last half second, from byte counts stamped with their time.
 *
 * Counts go to buckets of 10 ms, so that memory and work per packet are small and the same however many packets come;
 * the oldest bucket counts for the part of it that is still inside the window.
 */
const BUCKET_US = 10_000;
const BUCKETS = 64;
const MASK = BUCKETS - 1;

/** A time so far back is no reordering: the clock that stamps has been set anew. */
const RESTART_US = 2_000_000;

/** Less than this since the first packet is no base for a rate: one frame would look like a flood. */
const MIN_SPAN_US = 150_000;

export class RateWindow {
  readonly #bytes = new Float64Array(BUCKETS);
  /** Of the newest bucket, counted from the clock's zero. */
  #head = 0;
  #newestUs = 0;
  #startUs = Number.POSITIVE_INFINITY;

  /** The newest time that was stamped. */
  get newestUs(): number {
    return this.#newestUs;
  }

  add(bytes: number, atUs: number): void {
    const bucket = Math.floor(atUs / BUCKET_US);
    if (this.#startUs === Number.POSITIVE_INFINITY || atUs < this.#newestUs - RESTART_US)
      this.#restart(atUs, bucket);
    else if (bucket > this.#head) this.#advance(bucket);
    if (atUs > this.#newestUs) this.#newestUs = atUs;
    if (bucket > this.#head - BUCKETS) this.#bytes[bucket & MASK]! += bytes;
  }

  /** Over the `windowUs`, at most 600 ms, before `atUs`, which is not before the newest stamp; 0 while it is too early to say. */
  bps(atUs: number, windowUs: number): number {
    const spanUs = Math.min(windowUs, atUs - this.#startUs);
    if (!(spanUs >= Math.min(MIN_SPAN_US, windowUs))) return 0;
    const from = (atUs - spanUs) / BUCKET_US;
    const first = Math.max(Math.floor(from), this.#head - BUCKETS + 1);
    let bytes = 0;
    for (let bucket = first; bucket <= this.#head; bucket++) bytes += this.#bytes[bucket & MASK]!;
    if (first < from && first <= this.#head) bytes -= this.#bytes[first & MASK]! * (from - first);
    return (bytes * 8_000_000) / spanUs;
  }

  reset(): void {
    this.#startUs = Number.POSITIVE_INFINITY;
  }

  #restart(atUs: number, bucket: number): void {
    this.#bytes.fill(0);
    this.#head = bucket;
    this.#newestUs = atUs;
    this.#startUs = atUs;
  }

  #advance(bucket: number): void {
    if (bucket - this.#head >= BUCKETS) this.#bytes.fill(0);
    else for (let next = this.#head + 1; next <= bucket; next++) this.#bytes[next & MASK] = 0;
    this.#head = bucket;
  }
}
