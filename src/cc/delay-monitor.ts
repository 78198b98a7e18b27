/**
 * What arrival times say about queues on the path:
 *
 *   packets ┬─▶ PacketGroups ─▶ DelayTrend ─▶ OveruseDetector ─┐
 *           │        └─▶ jitterUs                              ├─▶ signal()
 *           └─▶ QueueDelay ─▶ queueUs ─────────────────────────┘
 *
 * The trend tells early that a queue grows; the queue's length tells that there is one. Both together are over-use:
 * jitter makes trends without a queue, and another flow's queue has no trend of our making.
 */
import { DelayTrend } from "./delay-trend.ts";
import { type DelaySignal, OveruseDetector } from "./overuse-detector.ts";
import { PacketGroups } from "./packet-groups.ts";
import { QueueDelay } from "./queue-delay.ts";

/** A shorter queue is not worth a decrease. More adds as much delay for everybody, less takes jitter for a queue. */
const MIN_QUEUE_US = 25_000;
/** The same while the application sends less than it might: a key frame rather than the rate makes such a queue. */
const MIN_LIMITED_QUEUE_US = 60_000;
/** A longer queue is over-use whatever its trend: it may grow too slowly to show, or too fast for the window. */
const MAX_QUEUE_US = 100_000;
/**
 * For how long, in arrival time, that queue must last: what waited on a link arrives one after the other, but a receiver
 * that was busy reads all of it at once, and may report in the middle. More sees a fall of capacity later, less takes a
 * machine that is busy with other things for a narrow path.
 */
const LASTING_US = 50_000;

/** After a longer pause the trend is measured afresh: over an hour two clocks come apart by some tenths of a second. */
const PAUSE_US = 2_000_000;

/** Weight of a new difference in their mean. */
const JITTER_GAIN = 1 / 32;

/**
 * What the usual queue exceeds this by is not of our making: jitter that holds back all packets of a moment, or a flow
 * that fills queues. More keeps our own queue shorter, less keeps more of the link beside such a flow.
 */
const QUIET_QUEUE_US = 18_000;
/** Longer queues are exceptions, and count as this long. */
const MAX_USUAL_US = 60_000;
/** Weight of a group in the usual queue: a mean over some five seconds. */
const USUAL_GAIN = 1 / 256;

/** Packets that have arrived: when they were sent, by the sender's clock, and when they arrived, by the receiver's. */
export interface Arrival {
  readonly packets: number;
  readonly sentUs: number;
  readonly firstArrivalUs: number;
  /** Of the last of them. */
  readonly arrivalUs: number;
}

export class DelayMonitor {
  /** Mean difference between the transit times of two consecutive groups. */
  jitterUs = 0;
  readonly #groups = new PacketGroups();
  readonly #trend = new DelayTrend();
  readonly #detector = new OveruseDetector();
  readonly #queue = new QueueDelay();
  #usualUs = 0;
  /** Arrival of the first of the latest packets that all saw a queue beyond MAX_QUEUE_US; infinite for none. */
  #longSinceUs = Number.POSITIVE_INFINITY;
  /** The same for a queue beyond MIN_QUEUE_US. */
  #queuedSinceUs = Number.POSITIVE_INFINITY;
  #arrivalUs = 0;

  /** The queue beyond the usual one. */
  get queueUs(): number {
    return Math.max(this.#queue.us - Math.max(this.#usualUs - QUIET_QUEUE_US, 0), 0);
  }

  /** The whole queue, whoever has made it. */
  get standingUs(): number {
    return this.#queue.us;
  }

  /** For how long, in arrival time, there has been a queue that is worth a decrease. */
  get queuedUs(): number {
    return Math.max(this.#arrivalUs - this.#queuedSinceUs, 0);
  }

  onPackets(arrival: Arrival): void {
    this.#measure(arrival);
    const { sentUs, firstArrivalUs, arrivalUs } = arrival;
    if (this.#groups.onPackets(sentUs, firstArrivalUs, arrivalUs)) this.#onGroup();
  }

  /** Packets sent in a probe or right after it: they wait for the probe, which is no trend. */
  onProbePackets(arrival: Arrival): void {
    this.#measure(arrival);
    this.#groups.reset();
  }

  /** `limited`: the application sends less than it might. */
  signal(limited: boolean): DelaySignal {
    const { signal } = this.#detector;
    if (this.#arrivalUs - this.#longSinceUs >= LASTING_US) return "overuse";
    if (signal === "overuse" && this.queueUs < (limited ? MIN_LIMITED_QUEUE_US : MIN_QUEUE_US))
      return "normal";
    return signal;
  }

  /** The path may be another one now. */
  reset(): void {
    this.#groups.reset();
    this.#trend.reset();
    this.#detector.reset();
    this.acceptQueue();
    this.#usualUs = 0;
  }

  /** What was taken for a queue is the path's own delay: it stays, however little is sent. */
  acceptQueue(): void {
    this.#queue.reset();
    this.#queuedSinceUs = Number.POSITIVE_INFINITY;
    this.#longSinceUs = Number.POSITIVE_INFINITY;
  }

  #measure({ packets, sentUs, firstArrivalUs, arrivalUs }: Arrival): void {
    this.#queue.onPackets(packets, sentUs, firstArrivalUs);
    this.#arrivalUs = arrivalUs;
    if (this.queueUs <= MIN_QUEUE_US) this.#queuedSinceUs = Number.POSITIVE_INFINITY;
    else if (this.#queuedSinceUs === Number.POSITIVE_INFINITY) this.#queuedSinceUs = arrivalUs;
    if (this.queueUs <= MAX_QUEUE_US) this.#longSinceUs = Number.POSITIVE_INFINITY;
    else if (this.#longSinceUs === Number.POSITIVE_INFINITY) this.#longSinceUs = arrivalUs;
  }

  #onGroup(): void {
    const { sendDeltaUs, arrivalDeltaUs, arrivalUs } = this.#groups;
    if (sendDeltaUs > PAUSE_US) {
      this.#trend.reset();
      this.#detector.reset();
      return;
    }
    const deltaUs = arrivalDeltaUs - sendDeltaUs;
    this.jitterUs += JITTER_GAIN * (Math.abs(deltaUs) - this.jitterUs);
    this.#usualUs += USUAL_GAIN * (Math.min(this.#queue.us, MAX_USUAL_US) - this.#usualUs);
    this.#trend.update(deltaUs, arrivalUs);
    this.#detector.update(this.#trend.slope, this.#trend.count, sendDeltaUs, arrivalUs);
  }
}
