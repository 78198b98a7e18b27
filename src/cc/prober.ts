/** Probes one after another: planned, sent, measured. */
import type { Acknowledgements } from "./acknowledgements.ts";
import { ProbeCluster } from "./probe-cluster.ts";
import { ProbeMeasurement } from "./probe-measurement.ts";
import { ProbePlanner } from "./probe-planner.ts";
import type { SentPacketLog } from "./sent-packet-log.ts";

/** A shorter probe would not hold the bursts that it is made of; a longer fills queues further. */
const MIN_SPAN_US = 30_000;
const MAX_SPAN_US = 150_000;
/** Jitter moves both ends of what is measured; over so many times of it the error is bearable. */
const JITTERS = 4;

/** After a probe its queue takes some time to go. */
const AFTERMATH_US = 50_000;

/** A probe that is not answered by then has failed. */
const ANSWER_TIMEOUT_US = 1_000_000;

export const NO_RESULT = -1;

export class Prober {
  readonly planner = new ProbePlanner();
  readonly #cluster = new ProbeCluster();
  readonly #measurement = new ProbeMeasurement();
  /** Sent, or being sent, and not yet measured. */
  #underWay = false;

  get isSending(): boolean {
    return this.#cluster.sending;
  }

  get isUnderWay(): boolean {
    return this.#underWay;
  }

  /** Of the latest result: whether the probe was faster than the link. */
  get full(): boolean {
    return this.#measurement.full;
  }

  start(rateBps: number, jitterUs: number, nextExtSeq: number, nowUs: number): void {
    const spanUs = Math.min(Math.max(JITTERS * jitterUs, MIN_SPAN_US), MAX_SPAN_US);
    this.#cluster.start(rateBps, spanUs, nextExtSeq, nowUs);
    this.#measurement.start();
    this.#underWay = true;
  }

  /** The path is gone. */
  abort(): void {
    this.#cluster.stop();
    this.#underWay = false;
  }

  bytesDue(nowUs: number): number {
    return this.#cluster.bytesDue(nowUs);
  }

  /** While `isSending`. Returns whether the packet is of the probe. */
  onSent(extSeq: number, bytes: number, nowUs: number): boolean {
    return this.#cluster.onSent(extSeq, bytes, nowUs);
  }

  onReceived(acks: Acknowledgements): void {
    if (!this.#underWay) return;
    const { firstExtSeq, lastExtSeq } = this.#cluster;
    if (acks.extSeq >= firstExtSeq && acks.extSeq <= lastExtSeq)
      this.#measurement.onReceived(acks, this.#cluster);
  }

  /** Whether what was sent at `sentUs` has waited, or may have, for the packets of a probe. */
  disturbs(sentUs: number): boolean {
    const { rateBps, firstUs, lastUs } = this.#cluster;
    return rateBps > 0 && sentUs >= firstUs && sentUs <= lastUs + AFTERMATH_US;
  }

  /**
   * Feedback has come as far as `newestExtSeq`; the share `inherentLoss` is lost whatever is sent. The result, once: 0 when
   * nothing can be told, else NO_RESULT.
   */
  takeResult(newestExtSeq: number, inherentLoss: number, log: SentPacketLog, nowUs: number): number {
    if (!this.#underWay) return NO_RESULT;
    if (this.#cluster.isOverdue(nowUs)) this.#cluster.stop();
    if (this.#cluster.sending) return NO_RESULT;
    const { firstExtSeq, lastExtSeq, firstUs, lastUs, complete } = this.#cluster;
    if (complete && newestExtSeq < lastExtSeq && nowUs - lastUs < ANSWER_TIMEOUT_US) return NO_RESULT;
    this.#underWay = false;
    if (!complete) return 0;
    const lostBytes = log.lostBytes(firstExtSeq, lastExtSeq, firstUs);
    return this.#measurement.resultBps(this.#cluster, lostBytes, inherentLoss);
  }
}
