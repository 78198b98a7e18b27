/**
 * How long the fastest of the latest packets waited in queues: their least one-way delay less the least of a long time.
 *
 *   delay ▲        ·   ·          · jitter lifts single packets
 *         │   · ·    · ·   · ·  ·───────────  least of the latest: a queue lifts this
 *         │  ────────────────────┘ ▲
 *         │                        ▼ us
 *         └────────────────────────────────  least of a long time
 *
 * The clocks of sender and receiver need not agree: what they are apart is in both.
 */

/** "The latest": at most so many packets twice over. More sees a queue later, fewer takes jitter for one. */
const RECENT_PACKETS = 8;
/** Or fewer, when they are far apart. */
const FEW_PACKETS = 3;
const FAR_APART_US = 40_000;

/**
 * "A long time", up to twice. A path that has become longer for good looks like a queue for so long, and a queue that
 * does not empty in so long looks like the path.
 */
const BASE_SPAN_US = 10_000_000;

const NEVER = Number.NEGATIVE_INFINITY;
const NONE = Number.POSITIVE_INFINITY;

export class QueueDelay {
  /** Least of the group of latest packets that grows, and of the one before. */
  #latest = NONE;
  #priorLatest = NONE;
  #latestCount = 0;
  #latestStartUs = NEVER;
  /** The same of the long time. */
  #base = NONE;
  #priorBase = NONE;
  #baseStartUs = NEVER;

  get us(): number {
    const latest = Math.min(this.#latest, this.#priorLatest);
    return latest === NONE ? 0 : Math.max(latest - Math.min(this.#base, this.#priorBase), 0);
  }

  /** `packets` were sent at `sentUs`, of which the first arrived at `arrivalUs`. */
  onPackets(packets: number, sentUs: number, arrivalUs: number): void {
    const delayUs = arrivalUs - sentUs;
    this.#updateLatest(packets, delayUs, arrivalUs);
    this.#updateBase(delayUs, arrivalUs);
  }

  /** What the latest packets took is the path's own delay. */
  reset(): void {
    this.#base = Math.min(this.#latest, this.#priorLatest);
    this.#priorBase = NONE;
  }

  #updateLatest(packets: number, delayUs: number, arrivalUs: number): void {
    const ageUs = arrivalUs - this.#latestStartUs;
    const full = this.#latestCount >= RECENT_PACKETS;
    if (full || (this.#latestCount >= FEW_PACKETS && Math.abs(ageUs) > FAR_APART_US)) {
      this.#priorLatest = this.#latest;
      this.#latest = NONE;
      this.#latestCount = 0;
    }
    if (this.#latestCount === 0) this.#latestStartUs = arrivalUs;
    this.#latestCount += packets;
    if (delayUs < this.#latest) this.#latest = delayUs;
  }

  #updateBase(delayUs: number, arrivalUs: number): void {
    const ageUs = arrivalUs - this.#baseStartUs;
    if (Math.abs(ageUs) >= BASE_SPAN_US) {
      // After a long silence neither is of this path's latest time.
      this.#priorBase = ageUs < 2 * BASE_SPAN_US && ageUs > 0 ? this.#base : NONE;
      this.#base = NONE;
      this.#baseStartUs = arrivalUs;
    }
    if (delayUs < this.#base) this.#base = delayUs;
  }
}
