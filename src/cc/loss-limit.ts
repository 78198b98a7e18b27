const WINDOW = 40;
const MIN_OBSERVATIONS = 4;
const AGEING = 0.96;
export const L = { evidence: 6, maxInherent: 0.12, balance: 60_000 };
const MIN_INHERENT = 0.001;

export class LossLimit {
  bps = Number.POSITIVE_INFINITY;
  lossRatio = 0;
  gain = 0;
  readonly #kilobytes = new Float64Array(WINDOW);
  readonly #lost = new Float64Array(WINDOW);
  readonly #sentBps = new Float64Array(WINDOW);
  #count = 0;

  /** Returns the bandwidth that explains the losses better than chance does; Infinity when none does. */
  onObservation(bytes: number, lostBytes: number, sentBps: number, targetBps: number): number {
    const row = this.#count % WINDOW;
    this.#kilobytes[row] = bytes / 1000;
    this.#lost[row] = lostBytes / bytes;
    this.#sentBps[row] = sentBps;
    this.#count += 1;
    this.lossRatio = this.#residualLoss(Number.POSITIVE_INFINITY);
    if (this.#count < MIN_OBSERVATIONS || this.lossRatio < 0.01) return Number.POSITIVE_INFINITY;
    const noLimit = this.#likelihood(Number.POSITIVE_INFINITY);
    let best = noLimit + L.evidence;
    let bestBps = Number.POSITIVE_INFINITY;
    for (let bps = targetBps; bps > 0.6 * targetBps; bps -= 0.05 * targetBps) {
      const likelihood = this.#likelihood(bps);
      if (likelihood > best) {
        best = likelihood;
        bestBps = bps;
      }
    }
    this.gain = best - noLimit;
    return bestBps;
  }

  reset(): void {
    this.#count = 0;
  }

  #likelihood(bps: number): number {
    const most = L.maxInherent + L.balance / bps;
    const inherent = Math.min(Math.max(this.#residualLoss(bps), MIN_INHERENT), most, 0.99);
    let sum = 0;
    let weight = 1;
    for (let age = 0; age < WINDOW && age < this.#count; age++) {
      const row = (this.#count - 1 - age) % WINDOW;
      const loss = Math.min(inherent + (1 - inherent) * this.#excess(row, bps), 0.999);
      const lost = this.#lost[row]!;
      sum += weight * this.#kilobytes[row]! * (lost * Math.log(loss) + (1 - lost) * Math.log(1 - loss));
      weight *= AGEING;
    }
    return sum;
  }

  #residualLoss(bps: number): number {
    let lost = 0;
    let sent = 0;
    let weight = 1;
    for (let age = 0; age < WINDOW && age < this.#count; age++) {
      const row = (this.#count - 1 - age) % WINDOW;
      const excess = this.#excess(row, bps);
      const kilobytes = weight * this.#kilobytes[row]!;
      lost += kilobytes * (this.#lost[row]! - excess);
      sent += kilobytes * (1 - excess);
      weight *= AGEING;
    }
    return sent > 0 ? lost / sent : 0;
  }

  #excess(row: number, bps: number): number {
    const sentBps = this.#sentBps[row]!;
    return sentBps > bps ? 1 - bps / sentBps : 0;
  }
}
