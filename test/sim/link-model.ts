/**
 * One direction of a network path, with a seed and time as an argument: like `netem` and a narrow line.
 *
 *   send ──▶ bottleneck ──▶ loss, bursts of loss, blackout ──▶ delay, jitter, reordering ──▶ arrivals
 *            (drop-tail queue)
 *
 * A packet's fate is drawn when it is sent, so it does not depend on how often the link is polled. Loss happens behind
 * the bottleneck: lost packets have used their share of the rate.
 */
import { Bottleneck, type QueueLimit } from "./bottleneck.ts";
import { normalRandom, seededRandom } from "./seeded-random.ts";
import { TimeQueue } from "./time-queue.ts";

/** IPv4 and UDP headers, which use the line and are not in a datagram's size. */
export const HEADER_BYTES = 28;

export interface LinkSettings {
  /** One way, without any queue; the mean where there is jitter. */
  readonly delayUs: number;
  /** Half the width of a uniform distribution, the standard deviation of a normal one. No delay is below 0. */
  readonly jitterUs: number;
  readonly jitter: "uniform" | "normal";
  /** Whether jitter lets packets overtake one another. If not, those behind a late one wait for it. */
  readonly jitterReorders: boolean;
  /** Probability for each packet independently, in [0, 1]. */
  readonly loss: number;
  readonly bursts: LossBursts | null;
  readonly reordering: Reordering | null;
  /** Rate of the bottleneck; null for none. With 0 everything waits. */
  readonly rateBps: number | null;
  readonly queue: QueueLimit;
}

/** Bursty loss (Gilbert and Elliott): a state that begins with some packet and lasts for those after it. */
export interface LossBursts {
  /** Probability that the state begins with a packet outside it. */
  readonly start: number;
  /** Probability that it ends before the next packet: a burst lasts 1 / end packets on average. */
  readonly end: number;
  /** Probability of loss for each packet in it. */
  readonly loss: number;
}

/** Packets that are delayed by so much, and overtaken. */
export interface Reordering {
  readonly probability: number;
  readonly byUs: number;
}

/** A path without delay, loss or limits. */
const PERFECT: LinkSettings = {
  delayUs: 0,
  jitterUs: 0,
  jitter: "uniform",
  jitterReorders: true,
  loss: 0,
  bursts: null,
  reordering: null,
  rateBps: null,
  queue: { ms: 300 },
};

interface InFlight<T> {
  readonly item: T;
  readonly lost: boolean;
  readonly delayUs: number;
  readonly overtaken: boolean;
  readonly bytes: number;
}

export class LinkModel<T> {
  /** Packets by outcome; bytes as on the wire. */
  readonly counts = { sent: 0, overflowed: 0, lost: 0, delivered: 0, deliveredBytes: 0 };
  #settings: LinkSettings;
  readonly #random: () => number;
  #bottleneck: Bottleneck<InFlight<T>> | null = null;
  readonly #flying = new TimeQueue<InFlight<T>>();
  #inBurst = false;
  /** Arrival of the packet that those behind it may not overtake. */
  #lastArrivalUs = 0;
  readonly #blackouts: { readonly fromUs: number; readonly untilUs: number }[] = [];

  /** Settings that are left out are perfect. */
  constructor(settings: Partial<LinkSettings>, seed: number) {
    this.#random = seededRandom(seed);
    this.#settings = PERFECT;
    this.change(0, settings);
  }

  get settings(): LinkSettings {
    return this.#settings;
  }

  /** When to poll arrivals next: there are none before. Infinity while nothing is under way. */
  get nextUs(): number {
    return Math.min(this.#flying.nextUs, this.#bottleneck?.nextUs ?? Number.POSITIVE_INFINITY);
  }

  /** `payloadBytes` of a datagram. Times may not go back from call to call. */
  send(nowUs: number, item: T, payloadBytes: number): void {
    this.#advance(nowUs);
    this.counts.sent += 1;
    const packet = this.#draw(item, payloadBytes + HEADER_BYTES);
    if (this.#bottleneck === null) this.#fly(nowUs, packet);
    else if (!this.#bottleneck.offer(nowUs, packet, packet.bytes)) this.counts.overflowed += 1;
  }

  /** What has arrived until `nowUs`, in order of arrival. */
  arrivals(nowUs: number): T[] {
    if (this.nextUs > nowUs) return [];
    this.#advance(nowUs);
    const arrived: T[] = [];
    while (this.#flying.nextUs <= nowUs) {
      const { item, bytes } = this.#flying.pop();
      this.counts.delivered += 1;
      this.counts.deliveredBytes += bytes;
      arrived.push(item);
    }
    return arrived;
  }

  /** Changes settings for later packets. If the bottleneck is removed, those that wait at it go at once. */
  change(nowUs: number, changes: Partial<LinkSettings>): void {
    this.#advance(nowUs);
    this.#settings = { ...this.#settings, ...changes };
    const { rateBps, queue } = this.#settings;
    if (rateBps !== null) {
      this.#bottleneck ??= new Bottleneck(rateBps, queue);
      this.#bottleneck.change(nowUs, rateBps, queue);
      return;
    }
    this.#bottleneck?.change(nowUs, Number.POSITIVE_INFINITY, queue);
    this.#advance(nowUs);
    this.#bottleneck = null;
  }

  /** Loses all packets that would pass in this time. */
  blackout(fromUs: number, untilUs: number): void {
    this.#blackouts.push({ fromUs, untilUs });
  }

  /** How long a packet sent now would wait at the bottleneck. */
  waitUs(nowUs: number): number {
    this.#advance(nowUs);
    return this.#bottleneck?.waitUs(nowUs) ?? 0;
  }

  #advance(nowUs: number): void {
    const bottleneck = this.#bottleneck;
    if (bottleneck === null) return;
    for (let goneUs = bottleneck.nextUs; goneUs <= nowUs; goneUs = bottleneck.nextUs) {
      this.#fly(goneUs, bottleneck.take());
    }
  }

  #fly(nowUs: number, packet: InFlight<T>): void {
    const dark = this.#blackouts.some(({ fromUs, untilUs }) => nowUs >= fromUs && nowUs < untilUs);
    if (packet.lost || dark) {
      this.counts.lost += 1;
      return;
    }
    let arrivesUs = Math.round(nowUs + packet.delayUs);
    if (!this.#settings.jitterReorders && !packet.overtaken) {
      arrivesUs = Math.max(arrivesUs, this.#lastArrivalUs);
      this.#lastArrivalUs = arrivesUs;
    }
    this.#flying.push(arrivesUs, packet);
  }

  #draw(item: T, bytes: number): InFlight<T> {
    const { delayUs, jitterUs, jitter, reordering } = this.#settings;
    const random = this.#random;
    const lost = this.#drawLoss();
    const spread = jitterUs === 0 ? 0 : jitter === "normal" ? normalRandom(random) : 2 * random() - 1;
    const overtaken = reordering !== null && random() < reordering.probability;
    const heldUs = overtaken ? reordering.byUs : 0;
    return { item, lost, delayUs: Math.max(0, delayUs + jitterUs * spread) + heldUs, overtaken, bytes };
  }

  #drawLoss(): boolean {
    const { loss, bursts } = this.#settings;
    const lost = loss > 0 && this.#random() < loss;
    if (bursts === null) return lost;
    this.#inBurst = this.#inBurst ? this.#random() >= bursts.end : this.#random() < bursts.start;
    return (this.#inBurst && this.#random() < bursts.loss) || lost;
  }
}
