/**
 * How long the fastest of the latest packets waited in queues: their least one-way delay less the least of a long time.
 *
 * The two clocks need not agree: what they differ by is in both. Jitter moves single packets, but hardly ever all of
 * some dozen; a queue moves all.
 */
import { WindowedMinimum } from "./windowed-minimum.ts";

/** "The latest": more sees a queue later, fewer takes jitter for one. */
export const Q = { packets: 8, few: 3, spanUs: 40_000 };

/**
 * "A long time": a path that becomes longer for good looks like a queue for so long; and a queue that never empties in
 * so long looks like part of the path.
 */
const BASE_US = 10_000_000;

export class QueueDelay {
  readonly #base = new WindowedMinimum(BASE_US);
  #current = Number.POSITIVE_INFINITY;
  #prior = Number.POSITIVE_INFINITY;
  #count = Q.packets;
  #startUs = 0;

  get us(): number {
    const us = Math.min(this.#current, this.#prior) - this.#base.value;
    return us > 0 ? us : 0;
  }

  onPacket(sentUs: number, arrivalUs: number): void {
    const delayUs = arrivalUs - sentUs;
    this.#base.add(delayUs, arrivalUs);
    const ageUs = arrivalUs - this.#startUs;
    if (this.#count >= Q.packets || (this.#count >= Q.few && ageUs > Q.spanUs) || ageUs < 0) {
      this.#prior = this.#current;
      this.#current = delayUs;
      this.#count = 1;
      this.#startUs = arrivalUs;
    } else {
      this.#count++;
      if (delayUs < this.#current) this.#current = delayUs;
    }
  }

  reset(): void {
    this.#current = Number.POSITIVE_INFINITY;
    this.#prior = Number.POSITIVE_INFINITY;
    this.#base.reset();
  }
}
