import type { RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import { TransportWideReader } from "../rtp/rtcp/transport-wide.ts";
import { AimdRate } from "./aimd-rate.ts";
import { DelayTrend } from "./delay-trend.ts";
import { FeedbackWatch } from "./feedback-watch.ts";
import { LossLimit } from "./loss-limit.ts";
import { LossObserver } from "./loss-observer.ts";
import { OveruseDetector } from "./overuse-detector.ts";
import { PacketGroups } from "./packet-groups.ts";
import { ProbeCluster } from "./probe-cluster.ts";
import { ProbePlanner } from "./probe-planner.ts";
import { QueueDelay } from "./queue-delay.ts";
import { RateWindow } from "./rate-window.ts";
import { FATE, SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

export const X = {
  confirmUs: 15_000,
  ceilingUs: 100_000,
  holdUs: 25_000,
  drainStop: 12_000,
  drainFrom: 30_000,
  drainSpan: 400_000,
  drainMin: 0.25,
  appMargin: 1.05,
  short: 200_000,
  ackedWin: 300_000,
  probePause: 50_000,
  trace2: null as null | ((t: number, s: string) => void),
  trace: null as null | ((t: number, s: string) => void),
};

const REF_CYCLE_US = 2 ** 24 * 64_000;
const OVERHEAD = 28;
const MIN_BPS = 50_000;

export class BandwidthEstimator {
  targetBps: number;
  rttUs = 100_000;
  heard = false;
  log = new SentPacketLog();
  reader = new TransportWideReader();
  groups = new PacketGroups();
  trend = new DelayTrend();
  detector = new OveruseDetector();
  queue = new QueueDelay();
  acked = new RateWindow();
  sent = new RateWindow();
  aimd: AimdRate;
  loss = new LossLimit();
  observer = new LossObserver();
  cluster = new ProbeCluster();
  planner = new ProbePlanner();
  watch = new FeedbackWatch();
  maxBps = 20_000_000;
  #newestSentUs = -1;
  #lastAckExt = 0;
  #refOffset = 0;
  #lastArrival = -1;
  draining = false;

  constructor(nowUs: number) {
    this.targetBps = 600_000;
    this.aimd = new AimdRate(this.targetBps, nowUs);
  }
  get lossRatio(): number {
    return this.loss.lossRatio;
  }
  get nextSeq(): number {
    return this.log.nextExtSeq & 0xffff;
  }

  onSent(payload: number, nowUs: number): void {
    const bytes = payload + OVERHEAD;
    const ext = this.log.nextExtSeq;
    this.log.onSent(bytes, nowUs);
    this.watch.onSent(nowUs);
    if (this.cluster.state === "sending") this.cluster.onSent(ext, bytes, nowUs);
    else this.sent.add(bytes, nowUs);
  }

  onFeedback(buffer: Uint8Array, cursor: RtcpCursor, nowUs: number): boolean {
    const r = this.reader;
    if (!r.open(buffer, cursor)) return false;
    let news = 0;
    const firstExt = this.#lastAckExt;
    this.#gapEnd = 0;
    let first = true;
    while (r.next()) {
      const ext = this.log.find(r.seq);
      if (first && ext !== UNKNOWN_PACKET) {
        first = false;
        this.#gapEnd = ext - r.lost;
      }
      if (r.lost > 0) this.log.markLost(r.seq, r.lost);
      if (ext === UNKNOWN_PACKET) continue;
      const was = this.log.fate(ext);
      if (!this.log.markReceived(ext)) continue;
      news++;
      this.#onReceived(ext, r.arrivalUs, was === FATE.unreported);
    }
    if (r.lost > 0) this.log.markLost(r.seq, r.lost);
    if (news > 0) this.#update(nowUs, firstExt);
    return true;
  }

  #gapEnd = 0;
  #onReceived(ext: number, rawArrival: number, assumed: boolean): void {
    let arrivalUs = rawArrival + this.#refOffset;
    if (this.#lastArrival >= 0 && arrivalUs - this.#lastArrival < -REF_CYCLE_US / 2) {
      this.#refOffset += REF_CYCLE_US;
      arrivalUs += REF_CYCLE_US;
    }
    const prior = this.#lastArrival;
    this.#lastArrival = arrivalUs;
    const sentUs = this.log.sentUs(ext);
    const bytes = this.log.bytes(ext);
    if (this.#gapEnd > 0) {
      const from = Math.max(this.#lastAckExt + 1, this.log.oldestExtSeq);
      const n = this.#gapEnd - from;
      for (let i = 0; i < n; i++)
        if (this.log.markUnreported(from + i))
          this.acked.add(this.log.bytes(from + i), prior + ((arrivalUs - prior) * i) / n);
      this.#gapEnd = 0;
    }
    if (!assumed) this.acked.add(bytes, arrivalUs);
    if (ext > this.#lastAckExt) {
      this.#lastAckExt = ext;
      this.#newestSentUs = sentUs;
    }
    this.queue.onPacket(sentUs, arrivalUs);
    this.cluster.onReceived(ext, sentUs, arrivalUs, bytes);
    if (
      sentUs >= this.cluster.startUs &&
      sentUs <= this.cluster.lastUs + X.probePause &&
      this.cluster.rateBps > 0
    ) {
      this.groups.reset();
      return;
    }
    const g = this.groups;
    if (g.onPacket(sentUs, arrivalUs)) {
      if (g.sendDeltaUs > 2_000_000) {
        this.trend.reset();
        this.detector.reset();
      }
      this.trend.update(g.arrivalDeltaUs - g.sendDeltaUs, g.arrivalUs);
      this.detector.update(this.trend.slope, this.trend.count, g.sendDeltaUs, g.arrivalUs);
    }
  }

  #update(nowUs: number, firstExt: number): void {
    const sample = nowUs - this.#newestSentUs;
    this.rttUs += (sample - this.rttUs) / 8;
    if (!this.heard) {
      this.heard = true;
      this.planner.onStart(3 * this.targetBps);
    }
    if (this.watch.beforeBps > 0) {
      X.trace?.(nowUs, `outage ends, before ${this.watch.beforeBps}`);
      this.planner.onStart(this.watch.beforeBps);
      this.observer.skipTo(this.log.nextExtSeq);
      this.loss.reset();
      this.trend.reset();
      this.detector.reset();
      this.groups.reset();
      this.aimd.set(this.targetBps, nowUs);
    }
    this.watch.onAnswer();
    let signal = this.detector.signal;
    const q = this.queue.us;
    X.trace2?.(nowUs, `${signal} q ${q} slope ${this.trend.slope.toFixed(3)}`);
    if (signal === "overuse" && q < X.confirmUs) signal = "normal";
    if (q > X.ceilingUs) signal = "overuse";
    const ackedBps = this.acked.bps(this.acked.newestUs, 500_000);
    const ackedShort =
      q < 60_000
        ? Math.max(ackedBps, X.short ? this.acked.bps(this.acked.newestUs, X.short) : 0)
        : this.acked.bps(this.acked.newestUs, X.ackedWin);
    const sentBps = this.sent.bps(nowUs, 500_000);
    const limit = Math.min(X.appMargin * sentBps + 10_000, 1.5 * ackedBps + 10_000, this.maxBps);
    const before = this.aimd.rateBps;
    if (signal === "overuse") {
      if (!this.draining || q > this.drainQ)
        this.aimd.update("overuse", ackedShort, limit, this.rttUs, nowUs);
      if (!this.draining) {
        this.draining = true;
        this.drainCheckUs = nowUs;
        this.drainQ = q;
        this.drainMax = q;
      }
    } else if (this.draining || signal === "underuse" || q > X.holdUs)
      this.aimd.update("underuse", ackedBps, limit, this.rttUs, nowUs);
    else this.aimd.update("normal", ackedBps, limit, this.rttUs, nowUs);
    if (this.aimd.rateBps < before) {
      this.drainQ = Math.max(q, this.drainQ);
      X.trace?.(
        nowUs,
        `decrease ${before | 0} -> ${this.aimd.rateBps | 0} acked ${ackedShort | 0} q ${q | 0}`,
      );
    }
    while (this.observer.advance(this.log, this.#newestSentUs)) {
      const bps = this.loss.onObservation(
        this.observer.bytes,
        this.observer.lostBytes,
        this.observer.sentBps,
        this.aimd.rateBps,
      );
      if (bps < Number.POSITIVE_INFINITY) {
        X.trace?.(
          nowUs,
          `loss limit ${this.aimd.rateBps | 0} -> ${bps | 0} loss ${this.loss.lossRatio.toFixed(3)} gain ${this.loss.gain.toFixed(1)}`,
        );
        this.aimd.onLoss(Math.max(bps, ackedBps), nowUs);
      }
    }
    const result = this.cluster.result(this.#lastAckExt, nowUs);
    if (result >= 0) {
      X.trace?.(
        nowUs,
        `probe ${this.cluster.rateBps | 0} result ${result | 0} target ${this.targetBps | 0} full ${this.cluster.full}`,
      );
      this.planner.onResult(result, this.targetBps, nowUs);
      if (result > this.aimd.rateBps && signal !== "overuse") {
        this.aimd.set(Math.min(result, this.maxBps), nowUs);
      }
      if (this.cluster.full) this.aimd.onFull(result / 0.95);
      if (this.cluster.full && !this.draining) {
        this.draining = true;
        this.drainCheckUs = nowUs;
        this.drainQ = q;
        this.drainMax = q;
      }
    }
    this.#setTarget(nowUs);
  }
  drainCheckUs = 0;
  drainQ = 0;
  drainMax = 0;

  #setTarget(nowUs: number): void {
    let rate = this.aimd.rateBps;
    const q = this.queue.us;
    if (this.draining) {
      this.drainMax = Math.max(this.drainMax, q);
      if (this.sent.bps(nowUs, 500_000) > 0.9 * this.aimd.rateBps) this.drainCheckUs = nowUs;
      if (nowUs - this.drainCheckUs > 3_000_000 + this.drainMax) {
        this.draining = false;
        this.queue.reset();
        X.trace?.(nowUs, `drain gave up q ${q | 0}`);
      }
      if (q < X.drainStop) this.draining = false;
      if (this.draining) rate *= Math.max(X.drainMin, Math.min(1, 1 - (q - X.drainFrom) / X.drainSpan));
    }
    this.targetBps = Math.min(Math.max(rate, MIN_BPS), this.maxBps);
  }

  onRemb(_b: number, _n: number): void {}
  onReport(_f: number, _r: number, _n: number): void {}
  wants(nextBps: number, mostBps: number): void {
    this.planner.wants(nextBps > 0 ? mostBps : 0);
  }

  tick(nowUs: number): void {
    if (!this.heard) return;
    if (this.watch.tick(this.targetBps, this.rttUs, nowUs)) {
      this.targetBps = Math.max(MIN_BPS, this.targetBps / 2);
      this.cluster.state = "idle";
      X.trace?.(nowUs, `outage halve ${this.targetBps | 0}`);
      this.aimd.set(this.targetBps, nowUs);
    }
    if (this.watch.beforeBps > 0) return;
    if (this.cluster.state === "idle") {
      if (this.detector.signal !== "normal" || this.draining) return;
      const rate = this.planner.next(
        this.targetBps,
        this.sent.bps(nowUs, 500_000) < 0.9 * this.targetBps,
        this.aimd.decreasedUs,
        nowUs,
      );
      if (rate > 0) {
        this.cluster.start(rate, this.log.nextExtSeq, nowUs);
        X.trace?.(nowUs, `probe start ${rate | 0}`);
      }
    } else {
      const result = this.cluster.result(-1, nowUs);
      if (result >= 0) this.planner.onResult(result, this.targetBps, nowUs);
    }
  }

  probeBytesDue(nowUs: number): number {
    return this.cluster.bytesDue(nowUs);
  }
}
