/**
 * Tells losses that a rate causes from losses that come whatever is sent.
 *
 * Radio loses a share p of all packets. A link of B bits per second whose queue is too short to show in delay loses what is
 * sent beyond B. Of packets sent at the rate S then is lost (the model of libwebrtc's LossBasedBweV2)
 *
 *     p + (1 - p) · max(0, S - B) / S
 *
 * For a supposed B the observations say themselves what p is: the loss that B leaves to explain. Then the likelihood of
 * what was lost and what came tells how well the two explain it. While S stays the same they can not be told apart, and
 * the loss is taken for p; as S grows, it shows. Only so much is taken for p, unless more has been proved (`LossTrial`).
 */

/** Observations looked at: ten seconds. More knows p better, fewer believes less in a link that has changed. */
const WINDOW = 40;
const MIN_OBSERVATIONS = 4;
/** Weight of an observation against the one after it. */
const AGEING = 0.96;

/** Less loss than this troubles nobody. */
const MIN_LOSS = 0.01;

/** Supposed B, as shares of the rate. */
const STEP = 0.05;
const LOWEST = 0.6;

/**
 * By how much the logarithm of the likelihood must be better than with no B at all. More leaves a full queue dropping
 * packets for longer; less gives way to chance, for radio loses packets in clusters, and the sum takes each for a witness.
 */
const EVIDENCE = 6;

/**
 * The most that is taken for p; at low rates, where an observation has few packets, more. More keeps sending into a queue
 * that others fill, less gives up bad radio.
 */
const MAX_INHERENT = 0.12;
const INHERENT_BALANCE_BPS = 60_000;
const MIN_INHERENT = 0.001;

/**
 * So much loss in each of so many observations says that the link has changed: what was seen before is of another. More
 * leaves a full queue dropping packets, less gives way to bad radio.
 */
const HEAVY_LOSS = 0.25;
const HEAVY_COUNT = 3;
/** And in so many something is lost now. */
const LATEST_COUNT = 2;

/** What is lost in so many at most is left of a proof. Fewer believes in luck, more takes a narrow link for bad radio. */
const PROVED_COUNT = 20;

export const NO_LIMIT = Number.POSITIVE_INFINITY;

export class LossModel {
  readonly #kilobytes = new Float64Array(WINDOW);
  readonly #loss = new Float64Array(WINDOW);
  readonly #sentBps = new Float64Array(WINDOW);
  /** The part of p that is no guess: the same share of less was lost. */
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

  /** Share lost of the latest `count` observations. */
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

  /** Mean of what was sent in the latest `count` observations. */
  latestSentBps(count: number): number {
    const seen = Math.min(count, this.#count, WINDOW);
    let bps = 0;
    for (let age = 0; age < seen; age++) bps += this.#sentBps[this.#row(age)]! / seen;
    return bps;
  }

  /**
   * Whether the link can not be the one that was observed before. The sum would not tell: what overflows when capacity
   * falls outweighs the little that is sent, and comes, while the queue is drained.
   */
  get isHeavy(): boolean {
    if (this.#count < HEAVY_COUNT) return false;
    for (let age = 0; age < HEAVY_COUNT; age++) {
      const row = this.#row(age);
      if (this.#loss[row]! <= Math.max(HEAVY_LOSS, this.mostInherent(this.#sentBps[row]!))) return false;
    }
    return true;
  }

  /** What came through in the latest observations. */
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

  /** Logarithm of it, each kilobyte taken for a packet. */
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

  /** What may be taken for p at `bps`: what is proved, and of the rest a guess. */
  mostInherent(bps: number): number {
    const guess = Math.min(MAX_INHERENT + INHERENT_BALANCE_BPS / bps, 0.99);
    return this.proved + (1 - this.proved) * guess;
  }

  /** Whether the latest losses are more than would come whatever is sent, if `bps` is what the link carries. */
  exceeds(bps: number): boolean {
    return this.latestLoss(LATEST_COUNT) > Math.max(this.#inherentLoss(bps), 0) + MIN_LOSS;
  }

  /** The loss that is left when what exceeds `bps` is taken off. */
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
