/** How much may be retransmitted to one peer: a share of what it is sent. */
import { RateMeter } from "./rate-meter.ts";

/**
 * Retransmissions to a receiver may be at most this share of what it was sent. Larger lets a lossy or hostile receiver
 * multiply its traffic, smaller gives up pictures at losses that could still be repaired.
 */
const SHARE = 0.5;
/** Limit of the credit: enough to repair a key frame of 100 kB at once. */
const MAX_BYTES = 128 * 1024;

export class RepairCredit {
  /** Of retransmissions. */
  readonly rate = new RateMeter();
  /** As of when `#earnedForBytes` had been sent: it is seldom asked for, so it is not kept up with each packet. */
  #bytes = MAX_BYTES;
  #earnedForBytes = 0;

  /** Whether it covers a retransmission of about `bytes`. `sentBytes`: all that was ever sent, retransmissions included. */
  covers(bytes: number, sentBytes: number): boolean {
    this.#earn(sentBytes);
    return this.#bytes >= bytes;
  }

  /** A retransmission has been sent. */
  spend(bytes: number, sentBytes: number): void {
    this.#earn(sentBytes);
    // What is retransmitted is sent too, but earns nothing.
    this.#bytes -= bytes * (1 + SHARE);
    this.rate.add(bytes);
  }

  #earn(sentBytes: number): void {
    const earned = (sentBytes - this.#earnedForBytes) * SHARE;
    this.#bytes = Math.min(this.#bytes + earned, MAX_BYTES);
    this.#earnedForBytes = sentBytes;
  }
}
