/** Counts the sequence numbers of one received stream: in order, late, retransmitted, duplicate, or lost. */
import { ReplayWindow } from "../../src/srtp/replay-window.ts";

/** How far back duplicates are recognised: some seconds of video. A power of two. */
const WINDOW_PACKETS = 4096;

export class SequenceTally {
  /** Distinct packets received, in any way. */
  received = 0;
  /** Numbers that were missing when a higher one arrived. */
  gaps = 0;
  /** Of these, filled by a retransmission. */
  repaired = 0;
  /** Of these, filled by the packet itself, which was reordered. */
  outOfOrder = 0;
  duplicates = 0;
  readonly #window = new ReplayWindow(WINDOW_PACKETS);

  /** The highest number so far, -1 before the first. */
  get highest(): number {
    return this.#window.highest;
  }

  /** Lost, as far as is known now. */
  get lost(): number {
    return this.gaps - this.repaired - this.outOfOrder;
  }

  /** `extSeq` has its rollovers counted; `rtx`: received as a retransmission. False for a duplicate. */
  onPacket(extSeq: number, rtx: boolean): boolean {
    const { highest } = this.#window;
    if (!this.#window.isFresh(extSeq)) {
      this.duplicates += 1;
      return false;
    }
    this.#window.mark(extSeq);
    this.received += 1;
    if (highest < 0) return true;
    if (extSeq > highest) this.gaps += extSeq - highest - 1;
    else if (rtx) this.repaired += 1;
    else this.outOfOrder += 1;
    return true;
  }
}
