/**
 * Packets that were sent together, and how much further apart two such groups arrived than they were sent
 * (draft-ietf-rmcat-gcc-02 §5.2, §5.3):
 *
 *   sent     ─┬┬┬──────────────┬┬┬──────
 *              group i-1         group i        d(i) = (arrival of i - arrival of i-1) - (sending of i - sending of i-1)
 *   arrived  ────┬─┬─┬───────────────┬─┬─┬
 *                                            each taken at the last packet of its group
 *
 * Packets are to come in the order they were sent in. Of one that comes late nothing is learned.
 */

/** Packets sent within this are one group: a pacer's burst. Longer hides short queues, shorter measures scheduling. */
const GROUP_US = 5_000;

/**
 * Packets that a radio link held back and then delivered at once arrive this close together and join the previous group, up
 * to a limit: their delay says nothing about a queue.
 */
const BURST_GAP_US = 5_000;
const MAX_BURST_US = 100_000;

export class PacketGroups {
  /** Between the two latest complete groups, once `onPackets` has returned true. */
  sendDeltaUs = 0;
  arrivalDeltaUs = 0;
  /** Of the last packet of the later one. */
  arrivalUs = 0;
  #firstSentUs = Number.NEGATIVE_INFINITY;
  #lastSentUs = 0;
  #firstArrivalUs = 0;
  #lastArrivalUs = 0;
  #priorSentUs = Number.NEGATIVE_INFINITY;
  #priorArrivalUs = 0;

  /**
   * Packets sent at `sentUs` arrived between `firstArrivalUs` and `arrivalUs`. Returns true when they start a group, so
   * that the previous one is complete.
   */
  onPackets(sentUs: number, firstArrivalUs: number, arrivalUs: number): boolean {
    if (sentUs < this.#firstSentUs) return false;
    if (this.#belongs(sentUs, firstArrivalUs)) {
      if (sentUs > this.#lastSentUs) this.#lastSentUs = sentUs;
      if (arrivalUs > this.#lastArrivalUs) this.#lastArrivalUs = arrivalUs;
      return false;
    }
    const measured = this.#priorSentUs !== Number.NEGATIVE_INFINITY;
    if (measured) {
      this.sendDeltaUs = this.#lastSentUs - this.#priorSentUs;
      this.arrivalDeltaUs = this.#lastArrivalUs - this.#priorArrivalUs;
      this.arrivalUs = this.#lastArrivalUs;
    }
    if (this.#firstSentUs !== Number.NEGATIVE_INFINITY) {
      this.#priorSentUs = this.#lastSentUs;
      this.#priorArrivalUs = this.#lastArrivalUs;
    }
    this.#firstSentUs = sentUs;
    this.#lastSentUs = sentUs;
    this.#firstArrivalUs = firstArrivalUs;
    this.#lastArrivalUs = arrivalUs;
    return measured;
  }

  reset(): void {
    this.#firstSentUs = Number.NEGATIVE_INFINITY;
    this.#priorSentUs = Number.NEGATIVE_INFINITY;
  }

  #belongs(sentUs: number, arrivalUs: number): boolean {
    if (sentUs - this.#firstSentUs <= GROUP_US) return true;
    const arrivalGapUs = arrivalUs - this.#lastArrivalUs;
    return (
      arrivalGapUs <= BURST_GAP_US &&
      arrivalGapUs < sentUs - this.#lastSentUs &&
      Math.abs(arrivalUs - this.#firstArrivalUs) < MAX_BURST_US
    );
  }
}
