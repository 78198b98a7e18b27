/**
 * From measurements to a rate: delay, losses and probes each move what the path is believed to carry, and while a queue
 * has to be drained less than that is sent.
 *
 *   delay signal ──▶ AimdRate ◀── LossModel, LossTrial ◀── LossObserver
 *        │              │  ▲
 *        ▼              │  └── result of a probe
 *    QueueDrain ──▶ × ◀─┘
 *                   ▼
 *                  bps
 */
import type { Acknowledgements } from "./acknowledgements.ts";
import { AimdRate } from "./aimd-rate.ts";
import type { DelayMonitor } from "./delay-monitor.ts";
import { LossModel, NO_LIMIT } from "./loss-model.ts";
import { LossObserver } from "./loss-observer.ts";
import { LossTrial } from "./loss-trial.ts";
import { QueueDrain } from "./queue-drain.ts";
import type { SentPacketLog } from "./sent-packet-log.ts";
import { FAST_QUEUE_US, type Throughput } from "./throughput.ts";

export interface BandwidthLimits {
  readonly minBps: number;
  readonly startBps: number;
  readonly maxBps: number;
}

/** With a longer queue the link is full, and the rate does not grow. */
const MAX_GROWTH_QUEUE_US = 20_000;

/** Share of the rate above which a link loses packets. Less leaves some of it unused, more leaves the queue full. */
const LOSS_BACKOFF = 0.97;
/** Observations before such a decrease that tell how much was lost: as many as suffice for heavy losses. */
const BEFORE_OBSERVATIONS = 3;

/**
 * A sender that uses less than this share of its rate has not made the queue, and what is acknowledged then is not what
 * the path carries. More doubts falls of capacity that are real, less leaves a viewer without pictures that was only
 * busy.
 */
const DOUBT_SHARE = 0.5;

/**
 * By how much more than the rate must get through without a queue to disprove the latest decrease, and how long after it: by
 * then nothing is counted that was sent before. More, or longer, leaves a viewer without pictures on a path that has
 * recovered; less takes the unevenness of frames, or the end of a queue, for that.
 */
const EXCESS = 1.25;
const EXCESS_AFTER_US = 1_000_000;

/** Observations behind `lossRatio`: one or two seconds. */
const LOSS_OBSERVATIONS = 6;

/**
 * Pace on a full link, as a multiple of the target. More queues in the network, where audio cannot overtake it and it
 * looks like over-use; less never works off what waits here. The link carries little more anyway, so a frame arrives no
 * later.
 */
export const FULL_LINK_PACE = 1.1;
/**
 * The same where the link has shown no limit, as in libwebrtc. Less stretches each frame until the next, so that all
 * arrive later than they could; more sends a whole key frame as a burst.
 */
const PACE = 2.5;
/**
 * How long a link must have shown no limit: a new one, or one that carries a little more than when it was full, may have
 * no room all the same. More stretches frames where there is room, less sends bursts into links that have none.
 */
const UNLIMITED_US = 10_000_000;

/**
 * A drain to no less than this share of the rate, as for a queue of 100 ms, is left to the pacer: videos wait a moment, and
 * audio does not. More takes videos away for some tenths of a second, and the key frames with which they return make the next
 * queue; less goes on as before on a link that has just become narrow, until it loses packets.
 */
const PACED_DRAIN = 0.6;

export class RateControl {
  /** When the rate last fell for a queue that was hardly of our making, or to less than what got through later. */
  doubtedUs = Number.NEGATIVE_INFINITY;
  readonly #path: AimdRate;
  readonly #drain = new QueueDrain();
  readonly #observer = new LossObserver();
  readonly #losses = new LossModel();
  readonly #trial = new LossTrial();
  /** The rate that the latest probe reached, and when. */
  #probedBps = 0;
  #probedUs = Number.NEGATIVE_INFINITY;
  /**
   * The rate before the queue that is being drained; 0 when that grew slowly, because then the capacity measured at that
   * time holds.
   */
  #beforeBps = 0;
  readonly #startUs: number;
  /** Whether the latest observation of losses showed a limit. */
  #lossLimited = false;
  readonly #throughput: Throughput;
  readonly #delay: DelayMonitor;
  readonly #maxBps: number;

  constructor(limits: BandwidthLimits, throughput: Throughput, delay: DelayMonitor, nowUs: number) {
    this.#path = new AimdRate(limits.startBps, limits.minBps, nowUs);
    this.#maxBps = limits.maxBps;
    this.#startUs = nowUs;
    this.#throughput = throughput;
    this.#delay = delay;
  }

  /** The rate that is allowed. */
  get bps(): number {
    return this.#path.bps * this.#drain.factor(this.#delay.queueUs);
  }

  /** The same for what is sent already: it does not stop for a short queue. */
  get keepBps(): number {
    return this.#drain.factor(this.#delay.queueUs) < PACED_DRAIN ? this.bps : this.#path.bps;
  }

  /** How fast queued packets may leave: no faster than the link, as far as its capacity is known. */
  paceBps(nowUs: number): number {
    const { bps } = this;
    return Math.min(Math.max(this.#linkBps(nowUs), FULL_LINK_PACE * bps), PACE * bps);
  }

  get lossRatio(): number {
    return this.#losses.latestLoss(LOSS_OBSERVATIONS);
  }

  /** When the rate last fell, other than to drain a queue. */
  get decreasedUs(): number {
    return this.#path.decreasedUs;
  }

  /** Whether more may be sent as a trial: no queue grows or is being drained, and losses show no limit. */
  get isCalm(): boolean {
    return !this.#drain.draining && !this.#lossLimited && this.#delay.signal(false) === "normal";
  }

  /** Feedback has been read. */
  update({ newestSentUs }: Acknowledgements, log: SentPacketLog, rttUs: number, nowUs: number): void {
    this.#updateByDelay(newestSentUs, rttUs, nowUs);
    while (this.#observer.advance(log, newestSentUs)) this.#onLossObservation(nowUs);
    const { queueUs } = this.#delay;
    const useful = this.#drain.update(queueUs, newestSentUs, this.#throughput.sentBytes, rttUs, nowUs);
    if (!useful) this.#delay.acceptQueue();
  }

  /** A probe got `bps` through; `full`: it was sent faster than that. */
  onProbe(bps: number, full: boolean, nowUs: number): void {
    if (this.#delay.signal(false) === "overuse") return;
    this.#path.raise(Math.min(bps, this.#maxBps), nowUs);
    this.#probedBps = bps;
    this.#probedUs = nowUs;
    if (!full) return;
    this.#path.onCapacity(bps);
    this.#beforeBps = 0;
    this.#beginDrain(nowUs);
  }

  /** Nothing is acknowledged: lowers the rate to `bps` until something is. */
  onOutage(bps: number, nowUs: number): void {
    this.#path.limit(bps, nowUs);
  }

  /** There was no outage after all: `bps` is allowed as before. */
  onFalseAlarm(bps: number, nowUs: number): void {
    this.#path.raise(bps, nowUs);
  }

  /** The path is back, perhaps another one; losses before `extSeq` belong to the outage. */
  onOutageEnd(extSeq: number): void {
    this.#observer.skipTo(extSeq);
    this.#losses.reset();
    this.#setInherentLoss(0);
    this.#trial.stop();
    this.#lossLimited = false;
    this.#drain.draining = false;
  }

  /** What the link certainly carries; infinite where it has shown no limit for long. */
  #linkBps(nowUs: number): number {
    if (!this.isCalm) return 0;
    const { capacityBps, decreasedUs } = this.#path;
    if (capacityBps > 0) return capacityBps;
    if (nowUs - Math.max(decreasedUs, this.#startUs) >= UNLIMITED_US) return Number.POSITIVE_INFINITY;
    return this.#probedUs > decreasedUs ? this.#probedBps : 0;
  }

  get #mustHold(): boolean {
    return this.#drain.draining || this.#lossLimited || this.#delay.queueUs > MAX_GROWTH_QUEUE_US;
  }

  #updateByDelay(newestSentUs: number, rttUs: number, nowUs: number): void {
    const throughput = this.#throughput;
    const signal = this.#delay.signal(throughput.isLimited(this.#path.bps));
    if (signal === "overuse") this.#onOveruse(newestSentUs, rttUs, nowUs);
    else if (signal === "underuse" || this.#mustHold) this.#path.hold(nowUs);
    else {
      this.#trustExcess(nowUs);
      const limitBps = Math.min(throughput.growthLimitBps, this.#maxBps);
      this.#path.grow(throughput.ackedBps, limitBps, rttUs, nowUs);
    }
    this.#correct(newestSentUs);
  }

  /**
   * Voices do not wait, so more than the rate may be sent. Where all that arrives in time, the path is no longer the one for
   * which the rate fell, and what else it carries is for a probe to find out.
   */
  #trustExcess(nowUs: number): void {
    const path = this.#path;
    const { sentBps, ackedBps } = this.#throughput;
    const carriedBps = Math.min(sentBps, ackedBps);
    if (carriedBps < EXCESS * path.bps || nowUs - path.decreasedUs < EXCESS_AFTER_US) return;
    path.raise(Math.min(carriedBps, this.#maxBps), nowUs);
    this.doubtedUs = path.decreasedUs;
  }

  /**
   * A link that stands still for a moment, as radio does, looks like one that has become narrow: for most of the time
   * that the first feedback covers nothing arrived. The queue then arrives as fast as the link can carry it, which tells
   * the two apart.
   */
  #correct(newestSentUs: number): void {
    if (!this.#drain.draining || !this.#drain.isBefore(newestSentUs)) return;
    this.#path.correct(this.#throughput.queuedBps(this.#delay.queuedUs), this.#beforeBps);
  }

  #onOveruse(newestSentUs: number, rttUs: number, nowUs: number): void {
    const { queueUs } = this.#delay;
    const { draining } = this.#drain;
    const begins = !draining || this.#drain.hasGrown(queueUs);
    const beforeBps = this.#path.bps;
    if (!draining) this.#beforeBps = queueUs > FAST_QUEUE_US ? beforeBps : 0;
    // During a drain, what is acknowledged is what we send and says nothing about the link.
    if (begins || this.#drain.isBefore(newestSentUs)) {
      this.#path.onOveruse(this.#throughput.capacityBps(queueUs), rttUs, nowUs);
      const fell = this.#path.bps < beforeBps;
      // A drain sends little on purpose.
      if (fell && !draining && this.#throughput.sentBps < DOUBT_SHARE * beforeBps) this.doubtedUs = nowUs;
    }
    if (begins) this.#beginDrain(nowUs);
  }

  #onLossObservation(nowUs: number): void {
    const { bytes, lostBytes, sentBps } = this.#observer;
    this.#losses.add(bytes, lostBytes, sentBps);
    const stays = this.#trial.judge(bytes, lostBytes, sentBps, this.#delay.standingUs);
    this.#setInherentLoss(this.#trial.isFull ? 0 : this.#losses.proved);
    // The queue is full: the decrease for delay deals with it.
    if (this.#drain.draining) return this.#trial.stop();
    if (stays) return this.#onLossStays(nowUs);
    if (this.#losses.isHeavy) {
      this.#limitByLoss(this.#losses.cameBps / (1 - this.#losses.proved), nowUs);
      return this.#losses.reset();
    }
    const limitBps = this.#losses.limitBps(this.#path.bps);
    this.#lossLimited = limitBps !== NO_LIMIT;
    if (!this.#lossLimited || !this.#losses.exceeds(limitBps)) return;
    this.#limitByLoss(LOSS_BACKOFF * Math.max(limitBps, this.#throughput.ackedBps), nowUs);
  }

  #limitByLoss(bps: number, nowUs: number): void {
    const losses = this.#losses;
    const loss = losses.latestLoss(BEFORE_OBSERVATIONS);
    if (loss > losses.mostInherent(this.#path.bps))
      this.#trial.begin(loss, losses.latestSentBps(BEFORE_OBSERVATIONS), this.#path.bps);
    this.#path.limit(bps, nowUs);
    this.#path.onCapacity(bps);
  }

  /** Sending less did not help. */
  #onLossStays(nowUs: number): void {
    this.#losses.reset();
    this.#setInherentLoss(this.#trial.loss);
    this.#lossLimited = false;
    this.#path.restore(this.#trial.beforeBps, nowUs);
  }

  #setInherentLoss(loss: number): void {
    this.#losses.proved = loss;
    this.#throughput.inherentLoss = loss;
  }

  #beginDrain(nowUs: number): void {
    this.#drain.begin(this.#delay.queueUs, this.#path.bps, this.#throughput.sentBytes, nowUs);
  }
}
