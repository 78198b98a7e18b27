/** Token bucket: limits how much work a peer may cause, so that a burst is served and a flood is not. */
export interface BucketSize {
  readonly burst: number;
  readonly perSecond: number;
}

const US_PER_SECOND = 1_000_000;

export class TokenBucket {
  readonly #size: BucketSize;
  #left: number;
  #refilledAtUs: number;

  constructor(nowUs: number, size: BucketSize) {
    this.#size = size;
    this.#left = size.burst;
    this.#refilledAtUs = nowUs;
  }

  /** Takes `tokens` from the bucket; false when it holds less. */
  spend(nowUs: number, tokens = 1): boolean {
    const refill = ((nowUs - this.#refilledAtUs) * this.#size.perSecond) / US_PER_SECOND;
    this.#left = Math.min(this.#size.burst, this.#left + refill);
    this.#refilledAtUs = nowUs;
    if (this.#left < tokens) return false;
    this.#left -= tokens;
    return true;
  }
}
