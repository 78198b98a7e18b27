/**
 * What arrival times say about queues on the path:
 *
 *   packets ┬─▶ PacketGroups ─▶ DelayTrend ─▶ OveruseDetector ─┐
 *           │        └─▶ jitterUs                              ├─▶ signal()
 *           └─▶ QueueDelay ─▶ queueUs ─────────────────────────┘
 *
 * The trend says that a queue grows, early; the queue's own length says that there is one. Both together are over-use:
 * jitter makes trends without a queue, and another's queue has no trend of our making.
 */
import { DelayTrend } from "./delay-trend.ts";
import { type DelaySignal, OveruseDetector } from "./overuse-detector.ts";
import { PacketGroups } from "./packet-groups.ts";
import { QueueDelay } from "./queue-delay.ts";

/** A queue shorter than this is not worth a decrease. More adds as much delay for all, less believes in jitter. */
const MIN_QUEUE_US = 25_000;
/** The same while the application sends less than it might: then it is rather the work of a key frame than of the rate. */
const MIN_LIMITED_QUEUE_US = 60_000;
/** A queue of this length is over-use whatever its trend: it grows too slowly to show, or too fast for the window. */
const MAX_QUEUE_US = 100_000;
/**
 * If it lasts for so long in arrival time, for what a link lets go takes time to arrive. A receiver that was busy reads all
 * that has waited at once, and may report in the middle of it. More sees a fall of capacity later, less takes a machine
 * that does much beside for a narrow path.
 */
const LASTING_US = 50_000;

/** After such a pause a path is measured anew. */
const PAUSE_US = 2_000_000;

/** Weight of a new difference in the mean of them. */
const JITTER_GAIN = 1 / 32;

/**
 * The queue that is there as a rule, beyond so much, is not of our making: jitter that holds back all packets of a moment,
 * or a flow that fills queues. More keeps our own queue shorter, less keeps more of the link beside another.
 */
const QUIET_QUEUE_US = 18_000;
/** Longer ones are exceptions, and no part of the rule. */
const MAX_USUAL_US = 60_000;
/** Weight of a group: some five seconds. */
const USUAL_GAIN = 1 / 256;

/** Packets that have come: when they were sent, by the sender's clock, and when they arrived, by the receiver's. */
export interface Arrival {
  readonly packets: number;
  readonly sentUs: number;
  readonly firstArrivalUs: number;
  /** Of the last of them. */
  readonly arrivalUs: number;
}

export class DelayMonitor {
  /** Mean difference of what two groups took. */
  jitterUs = 0;
  readonly #groups = new PacketGroups();
  readonly #trend = new DelayTrend();
  readonly #detector = new OveruseDetector();
  readonly #queue = new QueueDelay();
  #usualUs = 0;
  /** When the first of the packets arrived that have all seen a queue beyond the longest; infinite for none. */
  #longSinceUs = Number.POSITIVE_INFINITY;
  /** When the first of the packets arrived that have all seen a queue worth a decrease; infinite for none. */
  #queuedSinceUs = Number.POSITIVE_INFINITY;
  #arrivalUs = 0;

  /** The queue beyond the usual. */
  get queueUs(): number {
    return Math.max(this.#queue.us - Math.max(this.#usualUs - QUIET_QUEUE_US, 0), 0);
  }

  /** The queue, whoever has made it. */
  get standingUs(): number {
    return this.#queue.us;
  }

  /** For how long, in arrival time, a queue has been there that is worth a decrease. */
  get queuedUs(): number {
    return Math.max(this.#arrivalUs - this.#queuedSinceUs, 0);
  }

  onPackets(arrival: Arrival): void {
    this.#measure(arrival);
    const { sentUs, firstArrivalUs, arrivalUs } = arrival;
    if (this.#groups.onPackets(sentUs, firstArrivalUs, arrivalUs)) this.#onGroup();
  }

  /** Sent in or right after a probe: it waits for the probe, which is no trend. */
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

  /** What is taken for a queue is the path's own delay: it stays, however little is sent. */
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
    }
    const deltaUs = arrivalDeltaUs - sendDeltaUs;
    this.jitterUs += JITTER_GAIN * (Math.abs(deltaUs) - this.jitterUs);
    this.#usualUs += USUAL_GAIN * (Math.min(this.#queue.us, MAX_USUAL_US) - this.#usualUs);
    this.#trend.update(deltaUs, arrivalUs);
    this.#detector.update(this.#trend.slope, this.#trend.count, sendDeltaUs, arrivalUs);
  }
}
