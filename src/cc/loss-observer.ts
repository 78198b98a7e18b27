/**
 * Gathers the fates of packets into observations of a quarter second, in the order of sending.
 *
 * A packet is judged once, some time after later ones have come: one that was only overtaken is not lost. A packet that no
 * report spoke of was sent, and counts neither as lost nor as received.
 */
import type { FateSums, SentPacketLog } from "./sent-packet-log.ts";

/** How much later than its successors a packet may arrive. More reacts later to losses, less counts false ones. */
const REORDERING_US = 100_000;

/** Longer makes fewer and surer observations, shorter follows the rate more closely. */
const SPAN_US = 250_000;

const NOT_BEGUN = -1;

export class LossObserver {
  /** Of the latest complete observation, once `advance` has returned true. */
  bytes = 0;
  lostBytes = 0;
  sentBps = 0;
  #nextExtSeq = 0;
  #startUs = NOT_BEGUN;
  readonly #sums: FateSums = { sentBytes: 0, receivedBytes: 0, lostBytes: 0 };

  /**
   * `newestSentUs`: sending time of the newest packet that has arrived. Returns true at the end of an observation: call it
   * again.
   */
  advance(log: SentPacketLog, newestSentUs: number): boolean {
    const lastUs = newestSentUs - REORDERING_US;
    const sums = this.#sums;
    this.#nextExtSeq = Math.max(this.#nextExtSeq, log.oldestExtSeq);
    for (;;) {
      const sentUs =
        this.#nextExtSeq < log.nextExtSeq ? log.sentUs(this.#nextExtSeq) : Number.POSITIVE_INFINITY;
      if (sentUs > lastUs) return false;
      if (this.#startUs === NOT_BEGUN) this.#startUs = sentUs;
      const isLong = sentUs - this.#startUs >= SPAN_US;
      if (isLong && sums.receivedBytes + sums.lostBytes > 0) {
        this.#close(sentUs);
        return true;
      }
      // A long observation without a judged packet goes on until there is one.
      const endUs = isLong ? sentUs + 1 : this.#startUs + SPAN_US;
      this.#nextExtSeq = log.sum(this.#nextExtSeq, lastUs, endUs, sums);
    }
  }

  /** Packets sent before this are not judged. */
  skipTo(extSeq: number): void {
    this.#nextExtSeq = extSeq;
    this.#begin(NOT_BEGUN);
  }

  /** The packet sent at `endUs` begins the next one. */
  #close(endUs: number): void {
    const { sentBytes, receivedBytes, lostBytes } = this.#sums;
    this.bytes = receivedBytes + lostBytes;
    this.lostBytes = lostBytes;
    this.sentBps = (sentBytes * 8_000_000) / (endUs - this.#startUs);
    this.#begin(endUs);
  }

  #begin(startUs: number): void {
    this.#startUs = startUs;
    this.#sums.sentBytes = 0;
    this.#sums.receivedBytes = 0;
    this.#sums.lostBytes = 0;
  }
}
