/** One direction of a simulated network path: delay, jitter and loss from a seed, time from outside. */

export interface SimLinkOptions {
  readonly delayUs: number;
  /** Added to the delay, uniform in [0, jitterUs): packets overtake one another. */
  readonly jitterUs: number;
  /** Probability in [0, 1]. */
  readonly loss: number;
  readonly seed: number;
}

interface InFlight<T> {
  readonly arrivesUs: number;
  readonly order: number;
  readonly item: T;
}

export class SimLink<T> {
  readonly #options: SimLinkOptions;
  readonly #random: () => number;
  #inFlight: InFlight<T>[] = [];
  #sent = 0;

  constructor(options: SimLinkOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  send(nowUs: number, item: T): void {
    const { delayUs, jitterUs, loss } = this.#options;
    const lost = this.#random() < loss;
    const arrivesUs = nowUs + delayUs + Math.floor(this.#random() * jitterUs);
    if (!lost) this.#inFlight.push({ arrivesUs, order: this.#sent++, item });
  }

  /** What has arrived until `nowUs`, in order of arrival. */
  arrivals(nowUs: number): T[] {
    const arrived = this.#inFlight.filter(({ arrivesUs }) => arrivesUs <= nowUs);
    this.#inFlight = this.#inFlight.filter(({ arrivesUs }) => arrivesUs > nowUs);
    return arrived.sort((a, b) => a.arrivesUs - b.arrivesUs || a.order - b.order).map(({ item }) => item);
  }
}

/** mulberry32: small, fast, the same on every machine; uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
