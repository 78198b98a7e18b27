/**
 * Gathers the fates of packets into observations of a quarter second, in the order of sending.
 *
 * A packet is judged once, some time after later ones have come: one that was only overtaken is not lost. A packet that no
 * report spoke of was sent, and counts neither as lost nor as received.
 */
import { FATE, type SentPacketLog } from "./sent-packet-log.ts";

/** A packet may come so much later than those sent after it. More acts later on losses, less counts false ones. */
const REORDERING_US = 100_000;

/** Longer makes fewer and surer observations, shorter follows the rate more closely. */
const SPAN_US = 250_000;

const NOT_BEGUN = -1;

export class LossObserver {
  /** Of the latest whole observation, once `advance` has returned true. */
  bytes = 0;
  lostBytes = 0;
  sentBps = 0;
  #nextExtSeq = 0;
  #startUs = NOT_BEGUN;
  #sentBytes = 0;
  #judgedBytes = 0;
  #lostBytes = 0;

  /** `newestSentUs`: of what has come. Returns true at the end of an observation, and may then be called again. */
  advance(log: SentPacketLog, newestSentUs: number): boolean {
    this.#nextExtSeq = Math.max(this.#nextExtSeq, log.oldestExtSeq);
    for (; this.#nextExtSeq < log.nextExtSeq; this.#nextExtSeq++) {
      const sentUs = log.sentUs(this.#nextExtSeq);
      if (sentUs > newestSentUs - REORDERING_US) return false;
      if (this.#startUs === NOT_BEGUN) this.#startUs = sentUs;
      if (sentUs - this.#startUs >= SPAN_US && this.#judgedBytes > 0) {
        this.#close(sentUs);
        return true;
      }
      this.#judge(log.fate(this.#nextExtSeq), log.bytes(this.#nextExtSeq));
    }
    return false;
  }

  /** What was sent before this is not to be judged. */
  skipTo(extSeq: number): void {
    this.#nextExtSeq = extSeq;
    this.#begin(NOT_BEGUN);
  }

  #judge(fate: number, bytes: number): void {
    this.#sentBytes += bytes;
    if (fate !== FATE.lost && fate !== FATE.received) return;
    this.#judgedBytes += bytes;
    if (fate === FATE.lost) this.#lostBytes += bytes;
  }

  /** The packet sent at `endUs` begins the next one. */
  #close(endUs: number): void {
    this.bytes = this.#judgedBytes;
    this.lostBytes = this.#lostBytes;
    this.sentBps = (this.#sentBytes * 8_000_000) / (endUs - this.#startUs);
    this.#begin(endUs);
  }

  #begin(startUs: number): void {
    this.#startUs = startUs;
    this.#sentBytes = 0;
    this.#judgedBytes = 0;
    this.#lostBytes = 0;
  }
}
