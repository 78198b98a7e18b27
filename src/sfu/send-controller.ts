/**
 * Controls all RTP that leaves for one peer: transport-wide numbers, rate and pacing.
 *
 *                    ┌───────────── targetBps ─────────────┐
 *   feedback ──▶ BandwidthEstimator ── probes ──▶ padding   ▼
 *                    ▲                              │    budget of the allocation
 *                 onSent                            ▼
 *   audio, RTX ──────┴──────────────────────▶ TransmitRing
 *   video ──▶ mustWait? ── no ─────────────────────▲
 *                └─ yes ─▶ PacedQueue ── tick ─────┘
 *
 * A peer that has negotiated no feedback on bandwidth is sent all that it asks for, at once. If transport-wide feedback ends
 * while receiver reports say that packets arrive, the rate follows the reports.
 */
import { type CounterName, SLOT } from "../base/counters.ts";
import { BandwidthEstimator } from "../cc/bandwidth-estimator.ts";
import { Pacer } from "../cc/pacer.ts";
import { RepairTime } from "../cc/repair-time.ts";
import { UNKNOWN_PACKET } from "../cc/sent-packet-log.ts";
import type { ExtensionMap } from "../rtp/header-extensions.ts";
import type { RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import { FeedbackSilence } from "./feedback-silence.ts";
import { NO_LAYER } from "./layer-selector.ts";
import type { Outlet } from "./outlet.ts";
import { PacedQueue } from "./paced-queue.ts";
import { RepairCredit } from "./repair-credit.ts";

/** What SRTP adds to a packet: the tag of AEAD_AES_128_GCM. The other profile's is 6 bytes shorter. */
const TAG_BYTES = 16;

/** `transportSeq` of a packet for a peer that negotiated no transport-wide feedback. */
const NOT_NUMBERED = -1;

/**
 * No packet is queued for longer than this: the pace is raised instead. Longer would show in every picture, shorter would
 * send key frames as the bursts that they are.
 */
const MAX_WAIT_US = 400_000;

export class SendController {
  readonly outlet: Outlet;
  /** Null until there is something to send: a peer that only publishes never needs one. */
  estimator: BandwidthEstimator | null = null;
  /** Whether the budget must be allocated again at the next tick. */
  isDue = false;
  #pacer = new Pacer();
  readonly #queue = new PacedQueue();
  readonly #repairs = new RepairCredit();
  readonly #repairTime = new RepairTime();
  readonly #silence = new FeedbackSilence();
  readonly #extensions: ExtensionMap;
  readonly #context: CoreContext;
  /** What media may take at most, however much the path carries. */
  #limitBps = Number.POSITIVE_INFINITY;
  /** Whether the peer has sent feedback on bandwidth. */
  #hasFeedback = false;
  /** All that was ever sent, without tags. */
  #sentBytes = 0;
  /** Packets without a transport-wide number that the estimator has not been told of. */
  #unnumberedBytes = 0;
  #unnumberedPackets = 0;

  /** `extensions`: the peer's; with transport-wide numbers if it sends that feedback. */
  constructor(outlet: Outlet, extensions: ExtensionMap, context: CoreContext) {
    this.outlet = outlet;
    this.#extensions = extensions;
    this.#context = context;
  }

  /** The transport-wide number to write into the next packet, or NOT_NUMBERED. */
  get transportSeq(): number {
    return this.#extensions.isNumbered ? (this.estimator?.nextSeq ?? 0) : NOT_NUMBERED;
  }

  /** Bits per second, lower headers included, for media that is sent already; infinite while no limit is known. */
  get budgetBps(): number {
    return this.#forMedia(this.estimator?.keepBps);
  }

  /** The same for all with more of it: less than that while a short queue is being drained. */
  get growBps(): number {
    return this.#forMedia(this.estimator?.targetBps);
  }

  /** Estimate of what the path carries, bits per second; null while no limit is known. */
  get estimateBps(): number | null {
    return this.#isLimited() && this.estimator !== null ? Math.round(this.estimator.keepBps) : null;
  }

  get rttUs(): number {
    return this.#isLimited() ? Math.round(this.estimator?.rttUs ?? 0) : 0;
  }

  get fractionLost(): number {
    return this.estimator?.lossRatio ?? 0;
  }

  /** Media may take at most `bps`, bits per second, lower headers and repairs included; null: what the path carries. */
  limit(bps: number | null): void {
    this.#limitBps = bps ?? Number.POSITIVE_INFINITY;
    this.setDue();
  }

  /**
   * What media would take, bits per second: with the next step up, or as it is when there is none, and with everything
   * that is wanted.
   */
  wants(nextBps: number, mostBps: number): void {
    // Repairs are subtracted from the budget, so there must be bandwidth for them too.
    const { bitrateBps } = this.#repairs.rate;
    const next = nextBps + bitrateBps;
    // A step that may not be taken is not worth a probe.
    const isStep = nextBps > 0 && next <= this.#limitBps;
    this.estimator?.wants(isStep ? next : 0, Math.min(mostBps + bitrateBps, this.#limitBps));
  }

  /** Whether the rate is still the first one, a guess: nothing has been heard of a path on which feedback is expected. */
  get isGuessing(): boolean {
    return this.outlet.open && this.#extensions.isNumbered && this.estimator?.isHeard === false;
  }

  /** Takes another first rate, bits per second, in place of the first guess. */
  guess(bps: number, nowUs: number): void {
    if (bps > this.#limitBps) return;
    this.estimator = this.estimator?.successorAt(bps, nowUs) ?? null;
    this.setDue();
  }

  /** Whether a video packet has to queue. */
  mustWait(nowUs: number): boolean {
    return this.#isLimited() && (!this.#queue.isEmpty || !this.#pacer.maySend(nowUs));
  }

  /** Queues a packet that `track` has numbered; `track.release` sends it later. Drops and counts it when the queue is full. */
  enqueue(track: DownTrack, extSeq: number, bytes: number): void {
    const queued = this.#queue.push(track, extSeq, bytes);
    if (this.#queue.isLong) track.stream.sent.grow();
    this.outlet.hurry();
    this.#count(queued ? "downPacedPackets" : "downDropped_pacer_full");
  }

  /**
   * A packet has been sent, of `bytes` before encryption: number `outExtSeq` of stream `ssrc`, NO_STREAM for padding.
   * Returns its extended transport-wide number; UNKNOWN_PACKET if the peer sends no transport-wide feedback.
   */
  onSent(bytes: number, ssrc: number, outExtSeq: number, nowUs: number): number {
    this.#sentBytes += bytes;
    if (this.#isLimited()) this.#pacer.onSent(bytes + TAG_BYTES, nowUs);
    if (!this.#extensions.isNumbered) {
      this.#unnumberedBytes += bytes + TAG_BYTES;
      this.#unnumberedPackets += 1;
      return UNKNOWN_PACKET;
    }
    this.estimator ??= new BandwidthEstimator(nowUs);
    const { nextExtSeq } = this.estimator;
    this.estimator.onSent(bytes + TAG_BYTES, nowUs, ssrc, outExtSeq);
    return nextExtSeq;
  }

  /** Whether the peer's credit covers a retransmission of about `bytes`. */
  mayRetransmit(bytes: number): boolean {
    return this.#repairs.covers(bytes, this.#sentBytes);
  }

  /** After `onSent`: the packet was a retransmission. */
  onRetransmitted(bytes: number): void {
    this.#repairs.spend(bytes, this.#sentBytes);
  }

  /** Transport-wide feedback. Returns false when it is malformed. */
  onTransportFeedback(buffer: Uint8Array, cursor: RtcpCursor, nowUs: number): boolean {
    this.#count("twccReceived");
    if (this.estimator === null || !this.#extensions.isNumbered) return true;
    this.#hasFeedback = true;
    this.#silence.onFeedback(this.estimator.nextExtSeq);
    return this.estimator.onFeedback(buffer, cursor, nowUs);
  }

  /**
   * Transport-wide number of the next packet that feedback reports as lost, each once; UNKNOWN_PACKET when there is none.
   */
  nextLost(nowUs: number): number {
    return this.#extensions.isNumbered ? (this.estimator?.nextLost(nowUs) ?? UNKNOWN_PACKET) : UNKNOWN_PACKET;
  }

  /** The receiver's own estimate (REMB), from one that does not send transport-wide feedback. */
  onRemb(bitrateBps: number, nowUs: number): void {
    if (this.estimator === null || this.#extensions.isNumbered) return;
    this.#hasFeedback = true;
    this.estimator.onRemb(bitrateBps, nowUs);
  }

  /**
   * A receiver report: all there is of loss where feedback is not transport-wide, or not any more. Of `expected` packets that
   * it is about, `lost` were lost.
   * `cameExtSeq`: the transport-wide number of the newest packet that it says has come, or UNKNOWN_PACKET.
   */
  onReport(expected: number, lost: number, rttUs: number, cameExtSeq: number, nowUs: number): void {
    // What was made of the silence is wrong: it looked like a path that is gone.
    if (this.#silence.onReport(cameExtSeq, nowUs))
      this.estimator = this.estimator?.successorByReports(nowUs) ?? null;
    const { estimator } = this;
    if (estimator === null || (this.#extensions.isNumbered && !this.#silence.ended)) return;
    this.#tellUnnumbered(estimator, nowUs);
    estimator.onReport(expected, lost, rttUs, nowUs);
  }

  /** The path is gone: what was queued for it is of no use. */
  onPathLost(): void {
    this.#queue.clear();
  }

  /**
   * The peer is in another network: what was learnt about the old path would mislead, and what was queued for it is dropped.
   * Returns whether videos have lost too much to continue: queued packets, or those sent in an outage.
   */
  onNewPath(nowUs: number): boolean {
    const hasLost = !this.#queue.isEmpty || this.estimator?.isInOutage === true;
    this.#queue.clear();
    this.#pacer = new Pacer();
    this.estimator = this.estimator?.successor(nowUs) ?? null;
    this.setDue();
    return hasLost;
  }

  /** Has the budget allocated again at the next tick. */
  setDue(): void {
    this.isDue = true;
    this.outlet.hurry();
  }

  /** Whether something is queued, or a probe is being sent. */
  get isPacing(): boolean {
    return !this.#queue.isEmpty || this.estimator?.isProbing === true;
  }

  tick(nowUs: number, downTracks: readonly DownTrack[]): void {
    if (this.estimator === null && downTracks.some(({ source }) => source !== null)) {
      this.estimator = new BandwidthEstimator(nowUs);
    }
    const { estimator } = this;
    if (estimator === null) return;
    this.#tellUnnumbered(estimator, nowUs);
    this.#silence.tick(estimator.nextExtSeq, nowUs);
    this.#repairs.rate.tick(nowUs);
    estimator.tick(nowUs);
    this.#repairTime.update(estimator.lossRatio, estimator.rttUs, nowUs);
    for (let i = 0; i < downTracks.length; i++) downTracks[i]!.holdBack(this.#repairTime.us);
    const drainBps = (this.#queue.bytes * 8 * 1_000_000) / MAX_WAIT_US;
    this.#pacer.setRate(Math.max(estimator.paceBps(nowUs), drainBps));
    while (!this.#queue.isEmpty && this.#pacer.maySend(nowUs)) this.#queue.release(nowUs);
    const mayProbe = this.#extensions.isNumbered && this.outlet.open;
    if (mayProbe && estimator.probeBytesDue(nowUs) > 0) this.#probe(estimator, downTracks, nowUs);
  }

  /** Also before the first feedback, where it can be expected: nobody starts at full rate. */
  #isLimited(): boolean {
    return this.#extensions.isNumbered || this.#hasFeedback;
  }

  #forMedia(bps: number | undefined): number {
    const carriedBps = bps === undefined || !this.#isLimited() ? Number.POSITIVE_INFINITY : bps;
    return Math.max(0, Math.min(carriedBps, this.#limitBps) - this.#repairs.rate.bitrateBps);
  }

  /** Must be called before the estimator is asked for its rate. */
  #tellUnnumbered(estimator: BandwidthEstimator, nowUs: number): void {
    if (this.#unnumberedPackets === 0) return;
    estimator.onSentUnnumbered(this.#unnumberedPackets, this.#unnumberedBytes, nowUs);
    this.#unnumberedPackets = 0;
    this.#unnumberedBytes = 0;
  }

  /** Sends a probe: queued media serves as well as padding. */
  #probe(estimator: BandwidthEstimator, downTracks: readonly DownTrack[], nowUs: number): void {
    while (!this.#queue.isEmpty && estimator.probeBytesDue(nowUs) > 0) this.#queue.release(nowUs);
    const able = downTracks.filter(({ rtxPayloadType }) => rtxPayloadType !== undefined);
    const track = able.find(({ encoding }) => encoding !== NO_LAYER) ?? able[0];
    if (track === undefined) return;
    while (estimator.probeBytesDue(nowUs) > 0) {
      if (track.pad(nowUs) === 0) return;
      this.#count("downPaddingPackets");
    }
  }

  #count(name: CounterName): void {
    this.#context.counters[SLOT[name]]! += 1;
  }
}
