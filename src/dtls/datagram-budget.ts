/**
 * How many datagrams an association may send us before it is secure: a bucket that refills.
 *
 * A handshake takes five to fifteen datagrams and each of its repetitions as many; a peer that sends more is broken
 * or hostile, and every datagram it sends costs the others their turn.
 */
const BURST = 100;
const PER_SECOND = 20;
const US_PER_SECOND = 1_000_000;

export class DatagramBudget {
  #left = BURST;
  #refilledAtUs: number;

  constructor(nowUs: number) {
    this.#refilledAtUs = nowUs;
  }

  /** Takes one from the bucket; false when it is empty. */
  spend(nowUs: number): boolean {
    const refill = ((nowUs - this.#refilledAtUs) * PER_SECOND) / US_PER_SECOND;
    this.#left = Math.min(BURST, this.#left + refill);
    this.#refilledAtUs = nowUs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
