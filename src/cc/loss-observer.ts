/**
 * Gathers the fates of packets into observations of a quarter second, in the order they were sent.
 *
 * A packet is judged once, a while after later ones have come, so that one that was only overtaken does not count as
 * lost. What no feedback has spoken of counts as sent and as neither lost nor received: its report was lost.
 */
import { FATE, type SentPacketLog } from "./sent-packet-log.ts";

/** A packet may come so much later than those sent after it. Longer acts on losses later, shorter counts false ones. */
const REORDERING_US = 60_000;

/** Longer makes fewer and surer observations, shorter sees a change of rate sooner. */
const SPAN_US = 250_000;

export class LossObserver {
  /** Of the last whole observation. */
  bytes = 0;
  lostBytes = 0;
  sentBps = 0;
  #nextExtSeq = 0;
  #startUs = -1;
  #sentBytes = 0;
  #knownBytes = 0;
  #lostBytes = 0;

  /** `newestUs`: when the newest packet was sent that has come. Returns true at the end of an observation; call it again. */
  advance(log: SentPacketLog, newestUs: number): boolean {
    if (this.#nextExtSeq < log.oldestExtSeq) this.#nextExtSeq = log.oldestExtSeq;
    for (; this.#nextExtSeq < log.nextExtSeq; this.#nextExtSeq++) {
      const extSeq = this.#nextExtSeq;
      const sentUs = log.sentUs(extSeq);
      if (sentUs > newestUs - REORDERING_US) return false;
      if (this.#startUs < 0) this.#startUs = sentUs;
      const spanUs = sentUs - this.#startUs;
      if (spanUs >= SPAN_US && this.#knownBytes > 0) {
        this.#close(sentUs, spanUs);
        return true;
      }
      this.#count(log.fate(extSeq), log.bytes(extSeq));
    }
    return false;
  }

  /** What was sent before this is not to be judged. */
  skipTo(extSeq: number): void {
    this.#nextExtSeq = extSeq;
    this.#clear(-1);
  }

  #count(fate: number, bytes: number): void {
    this.#sentBytes += bytes;
    if (fate === FATE.unknown || fate === FATE.unreported) return;
    this.#knownBytes += bytes;
    if (fate === FATE.lost) this.#lostBytes += bytes;
  }

  /** At the packet that begins the next one, which was sent at `sentUs`. */
  #close(sentUs: number, spanUs: number): void {
    this.bytes = this.#knownBytes;
    this.lostBytes = this.#lostBytes;
    this.sentBps = (this.#sentBytes * 8_000_000) / spanUs;
    this.#clear(sentUs);
  }

  #clear(startUs: number): void {
    this.#startUs = startUs;
    this.#sentBytes = 0;
    this.#knownBytes = 0;
    this.#lostBytes = 0;
  }
}
