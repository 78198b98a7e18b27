/**
 * A rate for a receiver that sends no transport-wide feedback: its own estimate (REMB), and the losses of its receiver
 * reports (draft-ietf-rmcat-gcc-02 §6).
 *
 *    loss > 10 %:  × (1 - loss / 2)      2 to 10 %:  as it is      < 2 %:  × 1.08 a second, as long as it is of use
 *
 * What is lost however little is sent does not count (`LossTrial`): otherwise radio that loses a tenth of all packets, most
 * of which are repaired, would end every video.
 */
import { LossTrial } from "./loss-trial.ts";
import { REMB_LIFETIME_US } from "./receiver-estimates.ts";

const HIGH_LOSS = 0.1;
const LOW_LOSS = 0.02;
const GROWTH = 1.08;

/**
 * Reports are judged together for so long, and each once: browsers send one about each stream, about a video every second. Of a
 * stream with few packets each loss is a large share, and says little. Shorter judges all by what happened to one of them, longer
 * answers later.
 */
const JUDGED_US = 1_000_000;

/**
 * As in `Throughput`: without probes nothing is known of what is not used. But layers are further apart than that, and a next
 * one that is never tried would never come.
 */
const HEADROOM = 1.5;
const HEADROOM_BPS = 10_000;

/** Weight of a smaller loss in what is lost at any rate. More follows chance, less knows later that radio is better. */
const RECOVERY_GAIN = 1 / 8;

export class ReportFallback {
  /** Share lost, as last judged, in [0, 1]. */
  lossRatio = 0;
  /** What the application would send with its next step up, bits per second; 0 where it may not take that. */
  nextBps = 0;
  #byLossBps: number;
  readonly #minBps: number;
  #rembBps = Number.POSITIVE_INFINITY;
  #rembUs = 0;
  /** Packets that reports since then were about, and those of them that were lost. */
  #expected = 0;
  #lost = 0;
  #judgedUs: number;
  readonly #trial = new LossTrial();
  /** Share that has been shown to be lost at any rate. */
  #inherentLoss = 0;
  /** Share lost of what would come otherwise, as last judged. */
  #excessLoss = 0;

  /** `minBps`: losses bring it no lower, for less is not sent, and growth would begin at what is left. */
  constructor(startBps: number, minBps: number, nowUs: number) {
    this.#byLossBps = startBps;
    this.#minBps = minBps;
    this.#judgedUs = nowUs;
  }

  get bps(): number {
    return Math.min(this.#byLossBps, this.#rembBps);
  }

  /** The receiver's estimate counts, unless there are losses. */
  onRemb(bps: number, nowUs: number): void {
    this.#rembBps = bps;
    this.#rembUs = nowUs;
    if (this.#excessLoss < HIGH_LOSS) this.#byLossBps = Math.max(this.#byLossBps, bps);
  }

  /** Of `expected` packets that a report is about, `lost` were lost. */
  onReport(expected: number, lost: number, sentBps: number, nowUs: number): void {
    this.#expected += expected;
    this.#lost += lost;
    const spanUs = nowUs - this.#judgedUs;
    if (spanUs < JUDGED_US) return;
    this.#judgedUs = nowUs;
    this.lossRatio = this.#expected === 0 ? 0 : this.#lost / this.#expected;
    if (nowUs - this.#rembUs > REMB_LIFETIME_US) this.#forgetRemb();
    this.#expected = 0;
    this.#lost = 0;
    this.#tell(sentBps, spanUs);
    if (this.#excessLoss > HIGH_LOSS) this.#fall(sentBps);
    else if (this.#excessLoss < LOW_LOSS)
      this.#grow(Math.max(HEADROOM * sentBps + HEADROOM_BPS, this.nextBps));
  }

  /** Tells the losses that the rate causes from those that come at any rate. */
  #tell(sentBps: number, spanUs: number): void {
    const loss = this.lossRatio;
    const bytes = (sentBps * spanUs) / 8_000_000;
    const stays = this.#trial.judge(bytes, loss * bytes, sentBps, 0);
    // Where next to nothing is sent all of it arrives on a narrow link too.
    if (stays && this.#trial.loss > LOW_LOSS) {
      this.#inherentLoss = this.#trial.loss;
      this.#byLossBps = Math.max(this.#byLossBps, this.#trial.beforeBps);
    } else if (loss < this.#inherentLoss) this.#inherentLoss += RECOVERY_GAIN * (loss - this.#inherentLoss);
    this.#excessLoss = Math.max(loss - this.#inherentLoss, 0) / (1 - this.#inherentLoss);
  }

  #fall(sentBps: number): void {
    this.#trial.begin(this.lossRatio, sentBps, this.bps);
    this.#byLossBps = Math.max(this.bps * (1 - this.#excessLoss / 2), this.#minBps);
  }

  /**
   * Where too low an estimate has paused all videos, nothing is sent that would tell the receiver of more, so no other would
   * ever come. The rate grows again from there.
   */
  #forgetRemb(): void {
    this.#byLossBps = this.bps;
    this.#rembBps = Number.POSITIVE_INFINITY;
  }

  #grow(limitBps: number): void {
    this.#byLossBps = Math.max(this.#byLossBps, Math.min(this.#byLossBps * GROWTH, limitBps));
  }
}
