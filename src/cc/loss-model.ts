/**
 * Tells losses that the rate causes from losses that come at any rate.
 *
 * Radio loses a share p of all packets. A link of B bits per second whose queue is too short to show in delay drops what
 * is sent beyond B. The share lost of packets sent at the rate S is then (the model of libwebrtc's LossBasedBweV2)
 *
 *     p + (1 - p) · max(0, S - B) / S
 *
 * For an assumed B the observations give p: the loss that B leaves unexplained. The likelihood of what was lost and what
 * arrived then tells how well the two explain it. At a constant S they cannot be told apart, and the loss is taken for p;
 * when S grows, the difference shows. What is taken for p is limited, unless more has been proved (`LossTrial`).
 */

/** Observations in the window: ten seconds. More knows p better, fewer forgets sooner a link that has changed. */
const WINDOW = 40;
const MIN_OBSERVATIONS = 4;
/** Weight of an observation relative to the one after it. */
const AGEING = 0.96;

/** Less loss than this does no harm. */
const MIN_LOSS = 0.01;

/** The values of B that are tried, as shares of the rate: from 1 down to LOWEST. */
const STEP = 0.05;
const LOWEST = 0.6;

/**
 * By how much the log-likelihood must exceed that without any B. More leaves a full queue dropping packets for longer;
 * less gives way to chance, because radio loses packets in clusters, and the sum counts each as evidence of its own.
 */
const EVIDENCE = 6;

/**
 * The most that is taken for p; at low rates, where an observation has few packets, it is higher. More keeps sending into
 * a queue that others fill, less gives up bad radio.
 */
const MAX_INHERENT = 0.12;
const INHERENT_BALANCE_BPS = 60_000;
const MIN_INHERENT = 0.001;

/**
 * This much loss in each of the latest HEAVY_COUNT observations says that the link has changed: older observations are of
 * another one. More leaves a full queue dropping packets, less gives way to bad radio.
 */
const HEAVY_LOSS = 0.25;
const HEAVY_COUNT = 3;
/** Latest observations that tell whether packets are lost now. */
const LATEST_COUNT = 2;

/**
 * A proof is cut down to the loss of this many latest observations. Fewer believes in luck, more takes a narrow link for
 * bad radio.
 */
const PROVED_COUNT = 20;

export const NO_LIMIT = Number.POSITIVE_INFINITY;

export class LossModel {
  readonly #kilobytes = new Float64Array(WINDOW);
  readonly #loss = new Float64Array(WINDOW);
  readonly #sentBps = new Float64Array(WINDOW);
  /** The part of p that is proved: the same share was lost when less was sent. */
  proved = 0;
  #count = 0;

  add(bytes: number, lostBytes: number, sentBps: number): void {
    const row = this.#count % WINDOW;
    this.#kilobytes[row] = bytes / 1000;
    this.#loss[row] = lostBytes / bytes;
    this.#sentBps[row] = sentBps;
    this.#count += 1;
    if (this.#count >= PROVED_COUNT) this.proved = Math.min(this.proved, this.latestLoss(PROVED_COUNT));
  }

  reset(): void {
    this.#count = 0;
  }

  /** Share lost in the latest `count` observations. */
  latestLoss(count: number): number {
    let lost = 0;
    let sent = 0;
    for (let age = 0; age < count && age < this.#count; age++) {
      const row = this.#row(age);
      lost += this.#kilobytes[row]! * this.#loss[row]!;
      sent += this.#kilobytes[row]!;
    }
    return sent > 0 ? lost / sent : 0;
  }

  /** Mean sending rate of the latest `count` observations. */
  latestSentBps(count: number): number {
    const seen = Math.min(count, this.#count, WINDOW);
    let bps = 0;
    for (let age = 0; age < seen; age++) bps += this.#sentBps[this.#row(age)]! / seen;
    return bps;
  }

  /**
   * Whether the link cannot be the one that was observed before. The likelihood would not tell: what overflows when
   * capacity falls outweighs the little that is sent, and arrives, while the queue is drained.
   */
  get isHeavy(): boolean {
    if (this.#count < HEAVY_COUNT) return false;
    for (let age = 0; age < HEAVY_COUNT; age++) {
      const row = this.#row(age);
      if (this.#loss[row]! <= Math.max(HEAVY_LOSS, this.mostInherent(this.#sentBps[row]!))) return false;
    }
    return true;
  }

  /** The rate that arrived in the latest observations. */
  get cameBps(): number {
    let bps = 0;
    for (let age = 0; age < HEAVY_COUNT; age++) {
      const row = this.#row(age);
      bps += (this.#sentBps[row]! * (1 - this.#loss[row]!)) / HEAVY_COUNT;
    }
    return bps;
  }

  /** The B up to `rateBps` that explains the losses best, or NO_LIMIT when there is no evidence of one. */
  limitBps(rateBps: number): number {
    if (this.#count < MIN_OBSERVATIONS || this.#inherentLoss(NO_LIMIT) < MIN_LOSS) return NO_LIMIT;
    let best = this.#likelihood(NO_LIMIT) + EVIDENCE;
    let bestBps = NO_LIMIT;
    for (let share = 1; share > LOWEST; share -= STEP) {
      const likelihood = this.#likelihood(share * rateBps);
      if (likelihood <= best) continue;
      best = likelihood;
      bestBps = share * rateBps;
    }
    return bestBps;
  }

  /** Log-likelihood of the observations if the link carries `bps`; each kilobyte counts as a packet. */
  #likelihood(bps: number): number {
    const inherent = Math.min(Math.max(this.#inherentLoss(bps), MIN_INHERENT), this.mostInherent(bps));
    let sum = 0;
    let weight = 1;
    for (let age = 0; age < WINDOW && age < this.#count; age++) {
      const row = this.#row(age);
      const loss = Math.min(inherent + (1 - inherent) * this.#excess(row, bps), 0.999);
      const lost = this.#loss[row]!;
      sum += weight * this.#kilobytes[row]! * (lost * Math.log(loss) + (1 - lost) * Math.log(1 - loss));
      weight *= AGEING;
    }
    return sum;
  }

  /** The most that may be taken for p at `bps`: what is proved, and a guess at the rest. */
  mostInherent(bps: number): number {
    const guess = Math.min(MAX_INHERENT + INHERENT_BALANCE_BPS / bps, 0.99);
    return this.proved + (1 - this.proved) * guess;
  }

  /** Whether the latest losses are more than would come at any rate, if the link carries `bps`. */
  exceeds(bps: number): boolean {
    return this.latestLoss(LATEST_COUNT) > Math.max(this.#inherentLoss(bps), 0) + MIN_LOSS;
  }

  /** The p that remains when the losses beyond `bps` are subtracted. */
  #inherentLoss(bps: number): number {
    let lost = 0;
    let carried = 0;
    let weight = 1;
    for (let age = 0; age < WINDOW && age < this.#count; age++) {
      const row = this.#row(age);
      const excess = this.#excess(row, bps);
      const kilobytes = weight * this.#kilobytes[row]!;
      lost += kilobytes * (this.#loss[row]! - excess);
      carried += kilobytes * (1 - excess);
      weight *= AGEING;
    }
    return carried > 0 ? lost / carried : 0;
  }

  #excess(row: number, bps: number): number {
    const sentBps = this.#sentBps[row]!;
    return sentBps > bps ? 1 - bps / sentBps : 0;
  }

  #row(age: number): number {
    return (this.#count - 1 - age) % WINDOW;
  }
}
