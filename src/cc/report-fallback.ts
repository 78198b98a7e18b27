/**
 * A rate for a receiver that sends no transport-wide feedback: its own estimate (REMB), and the losses of its receiver
 * reports (draft-ietf-rmcat-gcc-02 §6).
 *
 *    loss > 10 %:  × (1 - loss / 2)      2 to 10 %:  as it is      < 2 %:  × 1.08 a second, as long as it is of use
 */

const HIGH_LOSS = 0.1;
const LOW_LOSS = 0.02;
const GROWTH_PER_SECOND = 1.08;
const MAX_STEP_US = 1_000_000;

/**
 * Pause after a decrease: reports come for each stream, and a decrease takes a while to show. Shorter counts one loss
 * several times.
 */
const DECREASE_INTERVAL_US = 500_000;

/**
 * As in `Throughput`: without probes nothing is known of what is not used. But layers are further apart than that, and a next
 * one that is never tried would never come.
 */
const HEADROOM = 1.5;
const HEADROOM_BPS = 10_000;

export class ReportFallback {
  lossRatio = 0;
  /** What the application would send with its next step up; 0 when it has none. */
  nextBps = 0;
  #byLossBps: number;
  readonly #minBps: number;
  #rembBps = Number.POSITIVE_INFINITY;
  /** The first report gives no time to grow over. */
  #reportedUs = Number.POSITIVE_INFINITY;
  #decreasedUs = Number.NEGATIVE_INFINITY;

  /** `minBps`: losses bring it no lower, for less is not sent, and growth would begin at what is left. */
  constructor(startBps: number, minBps: number) {
    this.#byLossBps = startBps;
    this.#minBps = minBps;
  }

  get bps(): number {
    return Math.min(this.#byLossBps, this.#rembBps);
  }

  /** The receiver's estimate counts, unless there are losses. */
  onRemb(bps: number): void {
    this.#rembBps = bps;
    if (this.lossRatio < HIGH_LOSS) this.#byLossBps = Math.max(this.#byLossBps, bps);
  }

  /** `fractionLost` in [0, 1]. */
  onReport(fractionLost: number, sentBps: number, nowUs: number): void {
    this.lossRatio = fractionLost;
    const elapsedUs = Math.min(Math.max(nowUs - this.#reportedUs, 0), MAX_STEP_US);
    this.#reportedUs = nowUs;
    if (fractionLost > HIGH_LOSS) this.#decrease(fractionLost, nowUs);
    else if (fractionLost < LOW_LOSS)
      this.#grow(elapsedUs, Math.max(HEADROOM * sentBps + HEADROOM_BPS, this.nextBps));
  }

  #decrease(fractionLost: number, nowUs: number): void {
    if (nowUs - this.#decreasedUs < DECREASE_INTERVAL_US) return;
    this.#decreasedUs = nowUs;
    this.#byLossBps = Math.max(this.bps * (1 - fractionLost / 2), this.#minBps);
  }

  #grow(elapsedUs: number, limitBps: number): void {
    const grown = this.#byLossBps * GROWTH_PER_SECOND ** (elapsedUs / 1_000_000);
    this.#byLossBps = Math.max(this.#byLossBps, Math.min(grown, limitBps));
  }
}
