/**
 * One probe: a few bursts at a higher rate than is sent else, and what came of them.
 *
 *   sent     │▮▮▮      │▮▮▮      │▮▮▮      │▮▮▮            every 10 ms, padding beside the media of the time
 *   arrived      │▮ ▮ ▮   ▮ ▮ ▮   ▮ ▮ ▮   ▮ ▮ ▮│
 *                     └───────────────────────┘            bytes after the first burst / this time
 *
 * A burst is what is sent at one instant, so the first only marks the start, on both sides. The result is the lower of
 * the two rates, as in libwebrtc's ProbeBitrateEstimator, which has single packets for bursts.
 */

/** Bursts and time of a probe: longer is surer and fills a queue further. */
const MIN_BURSTS = 4;
const SPAN_US = 30_000;
/** The caller's clock: a burst is what it may send until its next tick. */
const TICK_US = 10_000;

/** A probe that is not sent or not answered by then has failed. */
const SENDING_TIMEOUT_US = 200_000;
const ANSWER_TIMEOUT_US = 1_000_000;

const MIN_RECEIVED_SHARE = 0.8;
/** Arriving so much faster than sent is a radio that let packets go at once, not a rate. */
const MAX_RATIO = 2;
/** Below this share of the sent rate the link was full, and then a little less than was measured is right. */
const FULL_RATIO = 0.9;
const FULL_UTILIZATION = 0.95;

type State = "idle" | "sending" | "waiting";

export class ProbeCluster {
  state: State = "idle";
  rateBps = 0;
  full = false;
  #startUs = 0;
  #firstExtSeq = 0;
  #lastExtSeq = 0;
  #firstUs = 0;
  #lastUs = 0;
  #bursts = 0;
  #firstBurstBytes = 0;
  #bytes = 0;
  #firstArrivalUs = 0;
  #lastArrivalUs = 0;
  #receivedBytes = 0;

  /** Whether packets of this number, or later ones, belong to it. */
  get lastUs(): number {
    return this.#lastUs;
  }
  get startUs(): number {
    return this.#startUs;
  }

  start(rateBps: number, nextExtSeq: number, nowUs: number): void {
    this.state = "sending";
    this.rateBps = rateBps;
    this.#startUs = nowUs;
    this.#firstExtSeq = nextExtSeq;
    this.#lastExtSeq = nextExtSeq - 1;
    this.#lastUs = nowUs;
    this.#bursts = 0;
    this.#firstBurstBytes = 0;
    this.#bytes = 0;
    this.#firstArrivalUs = Number.NEGATIVE_INFINITY;
    this.#lastArrivalUs = Number.NEGATIVE_INFINITY;
    this.#receivedBytes = 0;
  }

  bytesDue(nowUs: number): number {
    if (this.state !== "sending") return 0;
    const due = (this.rateBps * (nowUs - this.#startUs + TICK_US)) / 8_000_000 - this.#bytes;
    return due > 0 ? Math.ceil(due) : 0;
  }

  onSent(extSeq: number, bytes: number, nowUs: number): void {
    if (this.state !== "sending") return;
    if (this.#bursts === 0) {
      this.#firstUs = nowUs;
      this.#startUs = nowUs;
    }
    if (this.#bursts === 0 || nowUs !== this.#lastUs) {
      if (this.#bursts >= MIN_BURSTS && this.#lastUs - this.#firstUs >= SPAN_US) {
        this.state = "waiting";
        return;
      }
      this.#bursts += 1;
    }
    this.#lastUs = nowUs;
    this.#lastExtSeq = extSeq;
    this.#bytes += bytes;
    if (nowUs === this.#firstUs) this.#firstBurstBytes += bytes;
  }

  onReceived(extSeq: number, sentUs: number, arrivalUs: number, bytes: number): void {
    if (this.state === "idle" || extSeq < this.#firstExtSeq || extSeq > this.#lastExtSeq) return;
    if (sentUs === this.#firstUs) {
      if (arrivalUs > this.#firstArrivalUs) this.#firstArrivalUs = arrivalUs;
      return;
    }
    this.#receivedBytes += bytes;
    if (arrivalUs > this.#lastArrivalUs) this.#lastArrivalUs = arrivalUs;
  }

  /** At the end of a feedback that spoke of packets until `extSeq`: the result, 0 when it failed, -1 when not yet known. */
  result(extSeq: number, nowUs: number): number {
    if (this.state === "idle") return -1;
    if (this.state === "sending") {
      if (nowUs - this.#startUs < SENDING_TIMEOUT_US) return -1;
      this.state = this.#bursts >= 3 ? "waiting" : "idle";
      if (this.state === "idle") return 0;
    }
    if (extSeq < this.#lastExtSeq && nowUs - this.#lastUs < ANSWER_TIMEOUT_US) return -1;
    this.state = "idle";
    return this.#measure();
  }

  #measure(): number {
    this.full = false;
    const sentBytes = this.#bytes - this.#firstBurstBytes;
    const sentUs = this.#lastUs - this.#firstUs;
    const arrivedUs = this.#lastArrivalUs - this.#firstArrivalUs;
    if (this.#receivedBytes < MIN_RECEIVED_SHARE * sentBytes || sentUs <= 0) return 0;
    if (!(arrivedUs > 0 && arrivedUs < ANSWER_TIMEOUT_US)) return 0;
    const sentBps = (sentBytes * 8_000_000) / sentUs;
    const receivedBps = (this.#receivedBytes * 8_000_000) / arrivedUs;
    if (receivedBps > MAX_RATIO * sentBps) return 0;
    this.full = receivedBps < FULL_RATIO * sentBps;
    if (this.full) return FULL_UTILIZATION * receivedBps;
    return Math.min(sentBps, receivedBps);
  }
}
