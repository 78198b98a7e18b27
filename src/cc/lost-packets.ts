/** Packets that feedback says were lost, each told once: to send them again before they are asked for. */
import { FATE, type SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

export class LostPackets {
  #nextExtSeq = 0;
  readonly #log: SentPacketLog;

  constructor(log: SentPacketLog) {
    this.#log = log;
  }

  /**
   * The next one before `newestExtSeq`, which has come, that was sent after `afterUs`; UNKNOWN_PACKET when there are no
   * more.
   */
  next(newestExtSeq: number, afterUs: number): number {
    this.#nextExtSeq = Math.max(this.#nextExtSeq, this.#log.oldestExtSeq);
    const endExtSeq = Math.min(newestExtSeq, this.#log.lastLostExtSeq + 1);
    while (this.#nextExtSeq < endExtSeq) {
      const extSeq = this.#nextExtSeq++;
      if (this.#log.fate(extSeq) === FATE.lost && this.#log.sentUs(extSeq) > afterUs) return extSeq;
    }
    this.#nextExtSeq = Math.max(this.#nextExtSeq, newestExtSeq);
    return UNKNOWN_PACKET;
  }
}
