/**
 * How much may be sent to one subscriber: Google Congestion Control at the sender (draft-ietf-rmcat-gcc-02), with what
 * libwebrtc has changed since, and what an SFU needs otherwise: it sends in bursts, and mostly less than it might.
 *
 *   onSent ────────▶ SentPacketLog                                       wants
 *                         │                                                │
 *   onFeedback ──▶ Acknowledgements ─ bursts that have come                ▼
 *                         │                                             Prober ──▶ probeBytesDue
 *           ┌─────────────┼──────────────┬─────────────────────────────▶   │
 *           ▼             ▼              ▼                                 │ what got through
 *     DelayMonitor    Throughput    LossObserver                           │
 *     groups, trend,  sent, acked,       ▼                                 │
 *     over-use, queue application-   LossModel                             │
 *           │         limited            │                                 │
 *           └──────┬──────┴──────────────┘                                 │
 *                  ▼                                                       │
 *             RateControl ◀────────────────────────────────────────────────┘
 *             AIMD, drain      ◀── FeedbackWatch: halves while nothing is answered
 *                  │
 *                  ▼
 *              targetBps       ◀── ReportFallback, while there is no transport-wide feedback
 *
 * Differences from libwebrtc, each with its reason in its file: over-use has to show a queue beside a trend
 * (delay-monitor), queues are drained by length and not by the back-off (queue-drain), losses have to correlate with the
 * rate (loss-model, loss-trial), and growth ends where the application does (throughput).
 */
import type { RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { DelayMonitor } from "./delay-monitor.ts";
import { FeedbackWatch } from "./feedback-watch.ts";
import { LostPackets } from "./lost-packets.ts";
import { NO_RESULT, Prober } from "./prober.ts";
import { type BandwidthLimits, FULL_LINK_PACE, RateControl } from "./rate-control.ts";
import { ReportFallback } from "./report-fallback.ts";
import { SentPacketLog } from "./sent-packet-log.ts";
import { Throughput } from "./throughput.ts";

/** IPv4 and UDP headers: they count on the path, and for audio they are a third. */
const HEADER_BYTES = 28;

/** Until a round trip has been measured. */
const START_RTT_US = 100_000;
/** Weight of a new sample, as TCP has it (RFC 6298 §2). */
const RTT_GAIN = 1 / 8;
/** A longer round trip is the end of an outage. */
const MAX_RTT_US = 5_000_000;

/**
 * After sending nothing for so long while more is wanted, a packet is sent to learn about the path: we see that it is there,
 * or the end of a queue or an outage, only when something is acknowledged. Shorter costs more packets, longer recovers later.
 */
const KNOCK_AFTER_US = 250_000;

/** In an outage, what was sent more than this and a round trip ago belongs to frames that are too late to repair. */
const MAX_LOST_AGE_US = 300_000;

/** While a path is gone, more than this share is lost; where a busy receiver's socket buffer overflows, less. */
const OUTAGE_LOSS = 0.3;
/** Packets that waited no longer than this at the end of an outage did not wait for the path. */
const SHORT_QUEUE_US = 50_000;

const DEFAULT_LIMITS: BandwidthLimits = {
  /** Audio must go on; less would leave too few packets to see the path recover. */
  minBps: 50_000,
  /** One small video. More may overrun a bad mobile link for a second, less shows nobody until the first probe. */
  startBps: 600_000,
  /** `SentPacketLog` remembers a second of it. */
  maxBps: 20_000_000,
};

export class BandwidthEstimator {
  #targetBps: number;
  #rttUs = START_RTT_US;
  readonly #limits: BandwidthLimits;
  readonly #log: SentPacketLog;
  readonly #acks: Acknowledgements;
  readonly #lost: LostPackets;
  readonly #delay = new DelayMonitor();
  readonly #throughput = new Throughput();
  readonly #control: RateControl;
  readonly #prober = new Prober();
  readonly #watch = new FeedbackWatch();
  readonly #fallback: ReportFallback;
  /** Whether transport-wide feedback has ever come. */
  #heard = false;
  /** The path was gone, and has just come back. */
  #hasReturned = false;
  /** Packets before this number have been counted. Counting is lazy, not per packet: it is seldom needed. */
  #countedExtSeq: number;
  /** False while the prober is surely idle: a check that spares most packets a call. */
  #mayBeProbing = false;

  /** `startBps`: first rate, where something is known of the path. */
  constructor(
    nowUs: number,
    limits: BandwidthLimits = DEFAULT_LIMITS,
    log = new SentPacketLog(),
    startBps = limits.startBps,
  ) {
    this.#log = log;
    this.#countedExtSeq = log.nextExtSeq;
    this.#acks = new Acknowledgements(log);
    this.#lost = new LostPackets(log);
    this.#limits = limits;
    this.#targetBps = startBps;
    this.#control = new RateControl({ ...limits, startBps }, this.#throughput, this.#delay, nowUs);
    this.#fallback = new ReportFallback(startBps, limits.minBps, nowUs);
  }

  /**
   * Starts afresh on another path, of which nothing is known; only the sequence numbers continue, for the receiver.
   * Feedback on packets that took the old path is ignored.
   */
  successor(nowUs: number): BandwidthEstimator {
    return this.#successor(nowUs, this.#limits.startBps);
  }

  /**
   * Starts afresh on the same path when it turns out that only receiver reports will come: the silence until then was no
   * outage.
   */
  successorByReports(nowUs: number): BandwidthEstimator {
    return this.#successor(nowUs, this.#watch.outage ? this.#watch.beforeBps : this.#targetBps);
  }

  /** Starts afresh with another first rate; nothing has been heard of the path, so nothing is lost. */
  successorAt(bps: number, nowUs: number): BandwidthEstimator {
    return this.#successor(nowUs, this.#within(bps));
  }

  /** Whether transport-wide feedback has ever come of this path. */
  get isHeard(): boolean {
    return this.#heard;
  }

  /**
   * Bits per second, IP and UDP headers included (28 bytes a packet), that may be sent now: media, RTX and padding
   * together.
   */
  get targetBps(): number {
    return this.#targetBps;
  }

  /** Bits per second of what may go on: more than the target while a short queue is being drained. */
  get keepBps(): number {
    return this.#heard ? this.#within(this.#control.keepBps) : this.#targetBps;
  }

  /** Bits per second at which queued packets may leave; the target holds over some frames. */
  paceBps(nowUs: number): number {
    return this.#heard ? this.#control.paceBps(nowUs) : FULL_LINK_PACE * this.#targetBps;
  }

  get rttUs(): number {
    return this.#rttUs;
  }

  /** Share of packets lost in the last seconds. */
  get lossRatio(): number {
    return this.#heard ? this.#control.lossRatio : this.#fallback.lossRatio;
  }

  /** The 16-bit transport-wide number of the next packet: it is written into the packet, then `onSent` takes it. */
  get nextSeq(): number {
    return this.nextExtSeq & 0xffff;
  }

  /** The same, extended over its wraps. */
  get nextExtSeq(): number {
    return this.#log.nextExtSeq;
  }

  /** Nothing that is sent is answered any more: the path is gone, or the way back. */
  get isInOutage(): boolean {
    return this.#watch.outage;
  }

  /** Whether an outage has just ended in which the path was gone; told once. */
  takeReturn(): boolean {
    const hasReturned = this.#hasReturned;
    this.#hasReturned = false;
    return hasReturned;
  }

  /** Next extended number of a packet that feedback says was lost, each once; UNKNOWN_PACKET when there are no more. */
  nextLost(nowUs: number): number {
    return this.#lost.next(this.#acks.newestExtSeq, nowUs - this.#rttUs - MAX_LOST_AGE_US);
  }

  /**
   * What the application would send, bits per second: with its next step up, 0 where it may not take that, and with
   * everything that it wants.
   */
  wants(nextBps: number, mostBps: number): void {
    this.#prober.planner.wants(nextBps > 0 ? Math.max(nextBps, mostBps) : 0);
    this.#fallback.nextBps = nextBps;
  }

  /** SSRC of the packet `extSeq` that `nextLost` returned; NO_STREAM for padding. */
  ssrc(extSeq: number): number {
    return this.#log.ssrc(extSeq);
  }

  /** Its extended sequence number in that stream. */
  streamExtSeq(extSeq: number): number {
    return this.#log.streamExtSeq(extSeq);
  }

  /** `bytes`: of the datagram's payload, SRTP tag included. `ssrc`, `streamExtSeq`: identify the packet if it is lost. */
  onSent(bytes: number, nowUs: number, ssrc: number, streamExtSeq: number): void {
    const wireBytes = bytes + HEADER_BYTES;
    this.#log.onSent(wireBytes, nowUs, ssrc, streamExtSeq);
    if (this.#mayBeProbing) this.#onSentProbing(wireBytes, nowUs);
  }

  /** The same for `packets` without a transport-wide number, on which there will be no feedback. */
  onSentUnnumbered(packets: number, bytes: number, nowUs: number): void {
    this.#throughput.onSent(bytes + packets * HEADER_BYTES, nowUs);
  }

  /** One transport-wide feedback message under the cursor. Returns false when it is malformed. */
  onFeedback(buffer: Uint8Array, cursor: RtcpCursor, nowUs: number): boolean {
    this.#count(this.#log.nextExtSeq);
    const acks = this.#acks;
    if (!acks.open(buffer, cursor)) return false;
    const { newestExtSeq } = acks;
    let news = false;
    while (acks.next()) {
      news = true;
      this.#throughput.onAcknowledged(acks);
      this.#prober.onReceived(acks);
      if (this.#prober.disturbs(acks.sentUs)) this.#delay.onProbePackets(acks);
      else this.#delay.onPackets(acks);
    }
    if (acks.newestExtSeq > newestExtSeq) this.#addRtt(nowUs - acks.newestSentUs);
    if (news) this.#update(nowUs);
    return true;
  }

  /** A receiver's own estimate of all that we send it. */
  onRemb(bitrateBps: number, nowUs: number): void {
    this.#fallback.onRemb(bitrateBps, nowUs);
    this.#setTarget();
  }

  /** A report about `expected` packets of what we send, of which `lost` were lost. */
  onReport(expected: number, lost: number, rttUs: number, nowUs: number): void {
    this.#count(this.#log.nextExtSeq);
    this.#addRtt(rttUs);
    this.#throughput.measure(nowUs);
    this.#fallback.onReport(expected, lost, this.#throughput.sentBps, nowUs);
    this.#setTarget();
  }

  /** Call it about every 10 ms while a probe is being sent, else every 100 ms; then ask `probeBytesDue`. */
  tick(nowUs: number): void {
    this.#count(this.#log.nextExtSeq);
    if (!this.#heard) return;
    if (this.#watch.tick(this.#targetBps, this.#rttUs, nowUs)) this.#onOutage(nowUs);
    if (this.#watch.outage) return;
    this.#takeProbeResult(nowUs);
    if (!this.#prober.isUnderWay && this.#control.isCalm) this.#planProbe(nowUs);
  }

  /** Whether a probe is being sent, so that more of it becomes due with time. */
  get isProbing(): boolean {
    return this.#prober.isSending;
  }

  /**
   * Bytes, headers included, of padding or retransmissions that a probe needs now; 1 when any packet will do. Whatever else
   * is sent counts towards the probe.
   */
  probeBytesDue(nowUs: number): number {
    return this.#isSilenced(nowUs) ? 1 : this.#prober.bytesDue(nowUs);
  }

  #successor(nowUs: number, startBps: number): BandwidthEstimator {
    return new BandwidthEstimator(nowUs, this.#limits, new SentPacketLog(this.#log.nextExtSeq), startBps);
  }

  /** Whether nothing is sent, for a queue or an outage that may be over, or because the first rate is too low for anything. */
  #isSilenced(nowUs: number): boolean {
    if (nowUs - this.#log.lastSentUs < KNOCK_AFTER_US) return false;
    const afraid = !this.#heard || this.#watch.outage || !this.#control.isCalm;
    return afraid && this.#prober.planner.isWanting(this.#targetBps);
  }

  /** Counts the packets up to `endExtSeq` that are not yet counted, by instants of sending. */
  #count(endExtSeq: number): void {
    const log = this.#log;
    let extSeq = Math.max(this.#countedExtSeq, log.oldestExtSeq);
    while (extSeq < endExtSeq) {
      const sentUs = log.sentUs(extSeq);
      let bytes = 0;
      let packets = 0;
      for (; extSeq < endExtSeq && log.sentUs(extSeq) === sentUs; extSeq++) {
        bytes += log.bytes(extSeq);
        packets += 1;
      }
      this.#watch.onSent(packets, sentUs);
      this.#throughput.onSent(bytes, sentUs);
    }
    this.#countedExtSeq = endExtSeq;
  }

  /** A packet of a probe is nothing that the application had to send. */
  #onSentProbing(wireBytes: number, nowUs: number): void {
    const extSeq = this.#log.nextExtSeq - 1;
    this.#mayBeProbing = this.#prober.isSending;
    if (!this.#mayBeProbing || !this.#prober.onSent(extSeq, wireBytes, nowUs)) return;
    this.#count(extSeq);
    this.#countedExtSeq = extSeq + 1;
    this.#watch.onSent(1, nowUs);
    this.#throughput.onProbeSent(wireBytes);
  }

  #update(nowUs: number): void {
    const { planner } = this.#prober;
    if (!this.#heard) planner.onFirstFeedback(this.#targetBps, nowUs);
    this.#heard = true;
    if (this.#watch.outage) this.#onOutageEnd(this.#watch.beforeBps, nowUs);
    else if (this.#watch.isOverdue(this.#rttUs, nowUs) && this.#outageLoss >= OUTAGE_LOSS)
      this.#onOutageEnd(this.#targetBps, nowUs);
    this.#watch.onAnswer();
    this.#throughput.measure(nowUs);
    this.#control.update(this.#acks, this.#log, this.#rttUs, nowUs);
    this.#takeProbeResult(nowUs);
    this.#setTarget();
  }

  #planProbe(nowUs: number): void {
    const { planner } = this.#prober;
    const limited = this.#throughput.isLimited(this.#targetBps);
    const rateBps = planner.next(this.#targetBps, limited, this.#control, nowUs);
    if (rateBps === 0) return;
    this.#prober.start(rateBps, this.#delay.jitterUs, this.#log.nextExtSeq, nowUs);
    this.#mayBeProbing = true;
  }

  #takeProbeResult(nowUs: number): void {
    const { inherentLoss } = this.#throughput;
    const resultBps = this.#prober.takeResult(this.#acks.newestExtSeq, inherentLoss, this.#log, nowUs);
    if (resultBps === NO_RESULT) return;
    this.#prober.planner.onResult(resultBps, this.#targetBps, nowUs);
    if (resultBps > 0) this.#control.onProbe(resultBps, this.#prober.full, nowUs);
    this.#setTarget();
  }

  #onOutage(nowUs: number): void {
    this.#prober.abort();
    this.#control.onOutage(Math.max(this.#targetBps / 2, this.#limits.minBps), nowUs);
    this.#setTarget();
  }

  /**
   * If most packets arrived and no queue is left, the receiver was busy or its feedback late. Otherwise the path may be
   * another one now: what was known of it is a guess, to be probed at once.
   */
  #onOutageEnd(beforeBps: number, nowUs: number): void {
    const wasThere = this.#outageLoss < OUTAGE_LOSS && this.#delay.queueUs < SHORT_QUEUE_US;
    if (wasThere) this.#control.onFalseAlarm(beforeBps, nowUs);
    else this.#prober.planner.onOutageEnd(beforeBps, nowUs);
    this.#hasReturned = !wasThere;
    this.#control.onOutageEnd(this.#log.nextExtSeq);
    this.#delay.reset();
    this.#throughput.reset();
  }

  /** Share lost of what was sent while nothing was answered. */
  get #outageLoss(): number {
    return this.#log.lostShare(this.#acks.newestExtSeq, this.#watch.sinceUs);
  }

  #addRtt(rttUs: number): void {
    if (rttUs > 0 && rttUs < MAX_RTT_US) this.#rttUs += RTT_GAIN * (rttUs - this.#rttUs);
  }

  #setTarget(): void {
    this.#targetBps = this.#within(this.#heard ? this.#control.bps : this.#fallback.bps);
  }

  #within(bps: number): number {
    return Math.min(Math.max(bps, this.#limits.minBps), this.#limits.maxBps);
  }
}
