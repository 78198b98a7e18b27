/** Packets that feedback reports as lost, each returned once: they are sent again before a NACK asks for them. */
import { FATE, type SentPacketLog, UNKNOWN_PACKET } from "./sent-packet-log.ts";

export class LostPackets {
  #nextExtSeq = 0;
  readonly #log: SentPacketLog;

  constructor(log: SentPacketLog) {
    this.#log = log;
  }

  /** The next lost packet before `newestExtSeq`, which has arrived, that was sent after `afterUs`; else UNKNOWN_PACKET. */
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
