/**
 * How fast queued packets may leave: a debt in bytes that is paid at a multiple of the target.
 *
 * Audio does not ask, it adds to the debt; so do retransmissions and probes. Whoever asks may send while there is none.
 */
export const P = { factor: 1.2 };
const CREDIT_US = 10_000;
const MAX_DEBT_US = 300_000;
const OVERHEAD_BYTES = 28;

export class Pacer {
  #bytesPerUs = 0;
  #debtBytes = 0;
  #paidUs = 0;

  setRate(targetBps: number): void {
    this.#bytesPerUs = (P.factor * targetBps) / 8_000_000;
  }

  maySend(nowUs: number): boolean {
    this.#pay(nowUs);
    return this.#debtBytes <= 0;
  }

  onSent(bytes: number, nowUs: number): void {
    this.#pay(nowUs);
    this.#debtBytes = Math.min(this.#debtBytes + bytes + OVERHEAD_BYTES, MAX_DEBT_US * this.#bytesPerUs);
  }

  #pay(nowUs: number): void {
    const paid = this.#debtBytes - (nowUs - this.#paidUs) * this.#bytesPerUs;
    this.#debtBytes = Math.max(paid, -CREDIT_US * this.#bytesPerUs);
    this.#paidUs = nowUs;
  }
}
