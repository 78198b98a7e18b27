/**
 * The narrowest link of a path: a capacity that changes, a drop-tail queue, then delay, jitter and loss.
 *
 *   send ─▶ [ queue, at most queueBytes ] ─▶ capacity ─▶ loss ─▶ delay + jitter ─▶ deliver
 *
 * Time is an argument and randomness comes from a seed; a packet's departure is computed when it enters, so it is not
 * rounded to the caller's time steps. Several senders may share one link: the item identifies a packet's sender.
 */
import { seededRandom } from "./seeded-random.ts";

const US_PER_SECOND = 1_000_000;

/** Bursty loss: a Markov chain of two states, each with a probability of loss (Gilbert 1960, Elliott 1963). */
export interface GilbertElliott {
  readonly toBad: number;
  readonly toGood: number;
  readonly lossInGood: number;
  readonly lossInBad: number;
}

export interface BottleneckOptions {
  /** Pairs of time and bits per second from then on, ascending; the first at 0. */
  readonly capacity: readonly (readonly [fromUs: number, bps: number])[];
  readonly queueBytes: number;
  readonly delayUs: number;
  /** Added to the delay, uniform in [0, jitterUs). */
  readonly jitterUs?: number;
  /** Whether jitter lets packets overtake one another; otherwise they wait for those before them. */
  readonly reorders?: boolean;
  readonly loss?: number | GilbertElliott;
  /** Spans in which all packets that would leave the link are lost. */
  readonly outages?: readonly (readonly [fromUs: number, toUs: number])[];
  /** From a time on the delay is longer. */
  readonly longer?: { readonly fromUs: number; readonly byUs: number };
  readonly seed: number;
}

interface InFlight<T> {
  readonly arrivesUs: number;
  readonly item: T;
}

export class Bottleneck<T> {
  dropped = 0;
  readonly #options: BottleneckOptions;
  readonly #random: () => number;
  /** When the last packet in the queue will have left. */
  #freeUs = 0;
  #lastArrivalUs = 0;
  #bad = false;
  /** Ascending in `arrivesUs`. */
  #inFlight: InFlight<T>[] = [];

  constructor(options: BottleneckOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  send(nowUs: number, bytes: number, item: T): void {
    const { queueBytes, delayUs, jitterUs = 0, reorders = false, longer } = this.#options;
    if (this.queuedBytes(nowUs) + bytes > queueBytes) {
      this.dropped += 1;
      return;
    }
    const leavesUs = Math.round(this.#transmit(Math.max(nowUs, this.#freeUs), bytes));
    this.#freeUs = leavesUs;
    const lost = this.#isLost(leavesUs);
    const longerUs = longer !== undefined && leavesUs >= longer.fromUs ? longer.byUs : 0;
    const arrivesUs = leavesUs + delayUs + longerUs + Math.floor(this.#random() * jitterUs);
    if (lost) return;
    if (!reorders) this.#lastArrivalUs = Math.max(this.#lastArrivalUs, arrivesUs);
    this.#insert({ arrivesUs: reorders ? arrivesUs : this.#lastArrivalUs, item });
  }

  /** Calls `each` for what has arrived until `nowUs`, in order of arrival. */
  deliver(nowUs: number, each: (item: T, arrivalUs: number) => void): void {
    let count = 0;
    while (count < this.#inFlight.length && this.#inFlight[count]!.arrivesUs <= nowUs) count += 1;
    if (count === 0) return;
    const arrived = this.#inFlight.slice(0, count);
    this.#inFlight = this.#inFlight.slice(count);
    for (const { item, arrivesUs } of arrived) each(item, arrivesUs);
  }

  /** How long a packet that enters now will wait. */
  queueDelayUs(nowUs: number): number {
    return Math.max(0, this.#freeUs - nowUs);
  }

  queuedBytes(nowUs: number): number {
    let bits = 0;
    for (let atUs = nowUs; atUs < this.#freeUs; ) {
      const untilUs = Math.min(this.#freeUs, this.#nextChangeUs(atUs));
      bits += ((untilUs - atUs) * this.capacityBps(atUs)) / US_PER_SECOND;
      atUs = untilUs;
    }
    return bits / 8;
  }

  capacityBps(atUs: number): number {
    let bps = 0;
    for (const [fromUs, fromThen] of this.#options.capacity) if (fromUs <= atUs) bps = fromThen;
    return bps;
  }

  /** When a packet whose first bit leaves at `fromUs` or later will have left. */
  #transmit(fromUs: number, bytes: number): number {
    let atUs = fromUs;
    let bits = bytes * 8;
    for (;;) {
      const bps = this.capacityBps(atUs);
      const changesUs = this.#nextChangeUs(atUs);
      const endsUs = bps === 0 ? Number.POSITIVE_INFINITY : atUs + (bits * US_PER_SECOND) / bps;
      if (endsUs <= changesUs) return endsUs;
      bits -= ((changesUs - atUs) * bps) / US_PER_SECOND;
      atUs = changesUs;
    }
  }

  #nextChangeUs(atUs: number): number {
    for (const [fromUs] of this.#options.capacity) if (fromUs > atUs) return fromUs;
    return Number.POSITIVE_INFINITY;
  }

  #isLost(atUs: number): boolean {
    const { loss = 0, outages = [] } = this.#options;
    if (typeof loss !== "number") {
      this.#bad = this.#random() < (this.#bad ? 1 - loss.toGood : loss.toBad);
    }
    const probability = typeof loss === "number" ? loss : this.#bad ? loss.lossInBad : loss.lossInGood;
    const lost = this.#random() < probability;
    return lost || outages.some(([fromUs, toUs]) => atUs >= fromUs && atUs < toUs);
  }

  #insert(packet: InFlight<T>): void {
    let at = this.#inFlight.length;
    while (at > 0 && this.#inFlight[at - 1]!.arrivesUs > packet.arrivesUs) at -= 1;
    this.#inFlight.splice(at, 0, packet);
  }
}
