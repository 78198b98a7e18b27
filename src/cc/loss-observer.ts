/**
 * Gathers the fates of packets into observations of a quarter second, in the order of sending.
 *
 * A packet is judged once, some time after later ones have come: one that was only overtaken is not lost. A packet that no
 * report spoke of was sent, and counts neither as lost nor as received.
 *
 *   sent  │▮▮▮▮▮▮▮▮│▮▮▮▮▮▯▯▯▯▯▯▯▯▯▯▯▮▮▮│▮▮▮▮▮▮▮▮│
 *                        └─ dark ─┘ └ the observation begins anew
 */
import { FATE, type FateSums, type SentPacketLog } from "./sent-packet-log.ts";

/** How much later than its successors a packet may arrive. More reacts later to losses, less counts false ones. */
const REORDERING_US = 100_000;

/** Longer makes fewer and surer observations, shorter follows the rate more closely. */
const SPAN_US = 250_000;

/**
 * Where nothing at all came through for so long, the path was away, as between two radio cells: however narrow a link is,
 * some of what is sent passes it. More holds the rate down for ten seconds after a moment that has passed, less takes chance
 * for such a moment.
 */
const DARK_US = 100_000;
/** At least so many packets: fewer say little. */
const MIN_DARK_PACKETS = 8;
/**
 * What is dark more often is a link that lets traffic through in portions, and loses what is sent beyond them. More takes bad
 * radio for such a link, less gives way to one too late.
 */
const DARK_PAUSE_US = 1_000_000;

const NOT_BEGUN = -1;
const NOWHERE = -1;

export class LossObserver {
  /** Of the latest complete observation, once `advance` has returned true. */
  bytes = 0;
  lostBytes = 0;
  sentBps = 0;
  #nextExtSeq = 0;
  #startUs = NOT_BEGUN;
  /** When the latest dark moment ended. */
  #darkUs = Number.NEGATIVE_INFINITY;
  readonly #sums: FateSums = { sentBytes: 0, receivedBytes: 0, lostBytes: 0 };

  /**
   * `newestSentUs`: sending time of the newest packet that has arrived. Returns true at the end of an observation: call it
   * again.
   */
  advance(log: SentPacketLog, newestSentUs: number): boolean {
    const lastUs = newestSentUs - REORDERING_US;
    const sums = this.#sums;
    this.#nextExtSeq = Math.max(this.#nextExtSeq, log.oldestExtSeq);
    this.#skipDark(log, lastUs);
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

  /** Passes over a dark moment that begins soon, and what was observed right before it. */
  #skipDark(log: SentPacketLog, lastUs: number): void {
    const soonUs = log.sentUs(this.#nextExtSeq) + SPAN_US;
    const endExtSeq = darkEnd(log, this.#nextExtSeq, Math.min(lastUs, soonUs));
    if (endExtSeq === NOWHERE) return;
    const endUs = log.sentUs(endExtSeq - 1);
    if (endUs - this.#darkUs >= DARK_PAUSE_US) this.skipTo(endExtSeq);
    this.#darkUs = endUs;
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

/** The number after the first dark moment from `fromExtSeq` on, or NOWHERE if none begins by `lastUs`. */
function darkEnd(log: SentPacketLog, fromExtSeq: number, lastUs: number): number {
  for (let first = fromExtSeq; first <= log.lastLostExtSeq && log.sentUs(first) <= lastUs; ) {
    let end = first;
    while (end < log.nextExtSeq && log.fate(end) === FATE.lost) end += 1;
    if (end - first >= MIN_DARK_PACKETS && log.sentUs(end - 1) - log.sentUs(first) >= DARK_US) return end;
    first = end + 1;
  }
  return NOWHERE;
}
