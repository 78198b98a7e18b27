/**
 * How fast queued packets may leave: a debt in bytes, paid at a rate.
 *
 *    audio, retransmissions, probes ──▶ sent at once ──┐
 *    video ──▶ queue ──▶ maySend()? ──▶ sent ──────────┴─▶ debt ──▶ paid by time
 *
 * Only the budget: the queue is the caller's.
 */

/** Unused budget that carries over to the next tick. More makes bursts, less loses what falls between two ticks. */
const CREDIT_US = 10_000;
/**
 * Limit of the debt. More would stop video for long after a burst of packets that are not paced, less would forget them.
 */
const MAX_DEBT_US = 300_000;

/** IP and UDP headers, as the rate counts them. */
const HEADER_BYTES = 28;

export class Pacer {
  #bytesPerUs = 0;
  /** Negative: credit. */
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

  /** Any datagram was sent, with `bytes` of payload. */
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
