/**
 * How fast queued packets may leave: a debt in bytes, paid at a rate.
 *
 *    audio, retransmissions, probes ──▶ sent at once ──┐
 *    video ──▶ queue ──▶ maySend()? ──▶ sent ──────────┴─▶ debt ──▶ paid by time
 *
 * Only the budget: the queue is the caller's.
 */

/** What is not used of a tick may be used in the next. More makes bursts, less loses what falls between two ticks. */
const CREDIT_US = 10_000;
/** More would stop video for long after a burst of what does not wait, less would forget that it was sent. */
const MAX_DEBT_US = 300_000;

/** IP and UDP headers, as the rate counts them. */
const HEADER_BYTES = 28;

export class Pacer {
  #bytesPerUs = 0;
  /** Below zero it is credit. */
  #debtBytes = 0;
  #paidUs = 0;

  setRate(bps: number): void {
    this.#bytesPerUs = bps / 8_000_000;
  }

  /** Whether a packet that can wait may leave now. */
  maySend(nowUs: number): boolean {
    this.#pay(nowUs);
    return this.#debtBytes <= 0;
  }

  /** Anything was sent: `bytes` of payload of a datagram. */
  onSent(bytes: number, nowUs: number): void {
    this.#pay(nowUs);
    this.#debtBytes = Math.min(this.#debtBytes + bytes + HEADER_BYTES, MAX_DEBT_US * this.#bytesPerUs);
  }

  #pay(nowUs: number): void {
    const paid = (nowUs - this.#paidUs) * this.#bytesPerUs;
    this.#debtBytes = Math.max(this.#debtBytes - paid, -CREDIT_US * this.#bytesPerUs);
    this.#paidUs = nowUs;
  }
}
