/**
 * From what was measured to a rate: delay, losses and probes each move what the path is believed to carry, and a queue
 * that has to be emptied takes off from it for a while.
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

/** With such a queue the link is full, and nothing grows. */
const MAX_GROWTH_QUEUE_US = 20_000;

/** Of the rate from which on a link loses packets. Less leaves some of it unused, more leaves the queue full. */
const LOSS_BACKOFF = 0.97;
/** Observations before such a fall that tell how much was lost: as many as are enough for heavy losses. */
const BEFORE_OBSERVATIONS = 3;

/**
 * Who sends less than this share of what it may has not made the queue, and what is acknowledged then is not what the path
 * carries. More doubts falls of capacity that are real, less leaves a viewer without pictures when it was only busy.
 */
const DOUBT_SHARE = 0.5;

/** Observations behind `lossRatio`: one or two seconds. */
const LOSS_OBSERVATIONS = 6;

/**
 * Of the target, for what waits. On a full link more queues in the network, where audio can not overtake it and it looks like
 * over-use; less never works off what waits here. The link carries little more anyway, so a frame arrives no later for it.
 */
export const FULL_LINK_PACE = 1.1;
/**
 * The same where the link has shown no limit, as libwebrtc has it. Less draws each frame out until the next, so that all come
 * later than they could; more is a burst of a whole key frame.
 */
const PACE = 2.5;
/**
 * A new link, and one that carries a little more than it did when it was full, may have no room all the same. More draws
 * frames out where there is room, less sends bursts into links that have none.
 */
const UNLIMITED_US = 10_000_000;

export class RateControl {
  /** When it last fell for a queue that was hardly of our making. */
  doubtedUs = Number.NEGATIVE_INFINITY;
  readonly #path: AimdRate;
  readonly #drain = new QueueDrain();
  readonly #observer = new LossObserver();
  readonly #losses = new LossModel();
  readonly #trial = new LossTrial();
  /** What the latest probe got through, and when. */
  #probedBps = 0;
  #probedUs = Number.NEGATIVE_INFINITY;
  /** What was allowed before the queue that is being drained; 0 where it came slowly, so that what was carried then is true. */
  #beforeBps = 0;
  readonly #startUs: number;
  /** Whether the latest observation spoke of a limit. */
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

  /** What may be sent. */
  get bps(): number {
    return this.#path.bps * this.#drain.factor(this.#delay.queueUs);
  }

  /** How fast packets that wait may leave: no faster than the link, as far as that is known. */
  paceBps(nowUs: number): number {
    const { bps } = this;
    return Math.min(Math.max(this.#linkBps(nowUs), FULL_LINK_PACE * bps), PACE * bps);
  }

  get lossRatio(): number {
    return this.#losses.latestLoss(LOSS_OBSERVATIONS);
  }

  /** When it last fell, other than to empty a queue. */
  get decreasedUs(): number {
    return this.#path.decreasedUs;
  }

  /** Whether more may be sent for a trial: no queue grows, none has to go. */
  get isCalm(): boolean {
    return !this.#drain.draining && !this.#lossLimited && this.#delay.signal(false) === "normal";
  }

  /** A feedback was read. */
  update({ newestSentUs }: Acknowledgements, log: SentPacketLog, rttUs: number, nowUs: number): void {
    this.#updateByDelay(newestSentUs, rttUs, nowUs);
    while (this.#observer.advance(log, newestSentUs)) this.#onLossObservation(nowUs);
    const { queueUs } = this.#delay;
    const useful = this.#drain.update(queueUs, newestSentUs, this.#throughput.sentBytes, rttUs, nowUs);
    if (!useful) this.#delay.acceptQueue();
  }

  /** A probe got `bps` through; `full` when it was sent faster than that. */
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

  /** Nothing is answered: to `bps`, until something is. */
  onOutage(bps: number, nowUs: number): void {
    this.#path.limit(bps, nowUs);
  }

  /** What was taken for an outage was none: `bps` is allowed as before. */
  onFalseAlarm(bps: number, nowUs: number): void {
    this.#path.raise(bps, nowUs);
  }

  /** The path is back, perhaps another one; losses until `extSeq` were the outage. */
  onOutageEnd(extSeq: number): void {
    this.#observer.skipTo(extSeq);
    this.#losses.reset();
    this.#setInherentLoss(0);
    this.#trial.stop();
    this.#lossLimited = false;
    this.#drain.draining = false;
  }

  /** What the link carries for sure; infinite where it has shown no limit for long. */
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
      const limitBps = Math.min(throughput.growthLimitBps, this.#maxBps);
      this.#path.grow(throughput.ackedBps, limitBps, rttUs, nowUs);
    }
    this.#correct(newestSentUs);
  }

  /**
   * A link that stands still for a moment, as radio does, looks like one that has become narrow: for most of the time of which
   * we hear first nothing came. The queue that is left of it then comes as fast as the link can, which tells the two apart.
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
    // While we send less, what is acknowledged is what we send and says nothing of the link.
    if (begins || this.#drain.isBefore(newestSentUs)) {
      this.#path.onOveruse(this.#throughput.capacityBps(queueUs), rttUs, nowUs);
      const fell = this.#path.bps < beforeBps;
      // A drain sends little by our own will.
      if (fell && !draining && this.#throughput.sentBps < DOUBT_SHARE * beforeBps) this.doubtedUs = nowUs;
    }
    if (begins) this.#beginDrain(nowUs);
  }

  #onLossObservation(nowUs: number): void {
    const { bytes, lostBytes, sentBps } = this.#observer;
    this.#losses.add(bytes, lostBytes, sentBps);
    const stays = this.#trial.judge(bytes, lostBytes, sentBps, this.#delay.standingUs);
    this.#setInherentLoss(this.#trial.isFull ? 0 : this.#losses.proved);
    // A full queue: delay has it in hand.
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

  /** It did not help to send less. */
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
