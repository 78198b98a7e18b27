/**
 * How much a publisher may send, estimated where its packets arrive (draft-alvestrand-rmcat-remb-03): for one that knows
 * nothing of transport-wide feedback. Its packets say in abs-send-time when they left.
 *
 *   packet ─┬─▶ DelayMonitor ─ signal ─▶ AimdRate ─▶ bps
 *           └─▶ RateWindow ─── received ────▲
 *
 * Losses are the publisher's own matter: it has receiver reports.
 */
import { AimdRate } from "./aimd-rate.ts";
import { DelayMonitor } from "./delay-monitor.ts";
import { RateWindow } from "./rate-window.ts";

/** Least estimate: one voice and a small picture. */
const MIN_BPS = 50_000;
/** First estimate, until a queue has shown what the path carries. */
const MAX_BPS = 20_000_000;

/** As the sender-based estimate counts. */
const SPAN_US = 500_000;
/** How far the estimate may exceed what is received. Less keeps encoders low, more lets a burst fill a queue. */
const HEADROOM = 1.5;
const HEADROOM_BPS = 100_000;
/** Below this share of the estimate, a queue is rather the work of one large frame than of the rate. */
const USED_SHARE = 0.9;

/** abs-send-time: 6.18 fixed point, wraps after 64 s. */
const CYCLE_US = 64_000_000;
const TICKS_PER_SECOND = 2 ** 18;

/** What `DelayMonitor` is told; filled and read within one call. */
const arrival = { packets: 1, sentUs: 0, firstArrivalUs: 0, arrivalUs: 0 };

export class ReceiveEstimator {
  readonly #delay = new DelayMonitor();
  readonly #received = new RateWindow();
  readonly #rate: AimdRate;
  /** Of the latest packet. */
  #sendTime = -1;
  #sentUs = 0;
  #arrivalUs = 0;
  /** As of the last `update`; null before there was time to measure it. */
  #receivedBps: number | null = null;

  constructor(nowUs: number) {
    this.#rate = new AimdRate(MAX_BPS, MIN_BPS, nowUs);
  }

  /** Bits per second, without IP and UDP headers; null before a rate could be measured. */
  get bps(): number | null {
    const receivedBps = this.#receivedBps;
    return receivedBps === null ? null : Math.max(Math.min(this.#rate.bps, limitBps(receivedBps)), MIN_BPS);
  }

  /** `sendTime`: abs-send-time of the packet, 24 bits. `bytes`: of the packet. */
  onPacket(sendTime: number, bytes: number, nowUs: number): void {
    if (this.#sendTime >= 0) this.#sentUs += this.#stepUs(sendTime, nowUs);
    this.#sendTime = sendTime;
    this.#arrivalUs = nowUs;
    arrival.sentUs = this.#sentUs;
    arrival.firstArrivalUs = nowUs;
    arrival.arrivalUs = nowUs;
    this.#delay.onPackets(arrival);
    this.#received.add(bytes, nowUs);
  }

  /** About every 50 ms. */
  update(rttUs: number, nowUs: number): void {
    const receivedBps = this.#received.bps(nowUs, SPAN_US);
    if (receivedBps === 0 && this.#receivedBps === null) return;
    this.#receivedBps = receivedBps;
    const signal = this.#delay.signal(receivedBps < USED_SHARE * this.#rate.bps);
    if (signal === "overuse") this.#rate.onOveruse(receivedBps, rttUs, nowUs);
    else if (signal === "underuse") this.#rate.hold(nowUs);
    else this.#rate.grow(receivedBps, limitBps(receivedBps), rttUs, nowUs);
  }

  /** How much later than the latest packet it left: of all that end on these 24 bits, what is nearest to how much later it came. */
  #stepUs(sendTime: number, nowUs: number): number {
    const us = ((sendTime - this.#sendTime) * 1_000_000) / TICKS_PER_SECOND;
    return us + CYCLE_US * Math.round((nowUs - this.#arrivalUs - us) / CYCLE_US);
  }
}

/** How far the estimate may grow. */
function limitBps(receivedBps: number): number {
  return HEADROOM * receivedBps + HEADROOM_BPS;
}
