/**
 * Drains a queue that over-use has made, by sending less than the link carries until it is gone.
 *
 *            begin()
 *    idle ───────────▶ draining ──▶ idle       the queue is empty
 *                       │    ▲ └───▶ idle       it stays although we sent less: another flow's, or the path is longer
 *                       └────┘                  it stays, and we did not send less: again
 *
 * libwebrtc leaves this to the back-off of its AIMD and to a congestion window. In proportion to the queue it is gentle
 * where the queue is short, and after a fall of capacity a second of queue is gone within another second.
 */

/** A queue up to this length is left to the small back-off of the rate. */
const FREE_US = 20_000;
/**
 * A queue longer than that by this much would stop the sender. More drains for longer, less makes the picture stutter.
 */
const STOP_US = 200_000;
/** Audio has to go on, and only acknowledgements tell when the queue is gone. */
const MIN_FACTOR = 0.25;

/** Below this the queue is empty: what is left is single packets. */
const EMPTY_US = 12_000;

/** How long a drain may take to show an effect, beyond the queue itself and a round trip. */
const PATIENCE_US = 1_500_000;
/**
 * Sending less means less than this share of what the link was found to carry. More mistakes a queue that we still fill
 * for the path's own delay, less drains in vain for longer.
 */
const RECEDED_SHARE = 0.9;
/** If the queue is ours, less than this share of it must be left. */
const LEFT_SHARE = 0.7;

/** A queue that grows this much in spite of the drain comes from another fall of capacity. */
const GROWN_FACTOR = 1.5;
const GROWN_US = 30_000;

export class QueueDrain {
  draining = false;
  #startUs = 0;
  #queueUs = 0;
  #rateBps = 0;
  #sentBytes = 0;

  /** `sentBytes`: a running total. */
  begin(queueUs: number, rateBps: number, sentBytes: number, nowUs: number): void {
    this.draining = true;
    this.#startUs = nowUs;
    this.#queueUs = queueUs;
    this.#rateBps = rateBps;
    this.#sentBytes = sentBytes;
  }

  /** Whether what was sent at `sentUs` left before the drain: its acknowledgements still show what the link carries. */
  isBefore(sentUs: number): boolean {
    return sentUs <= this.#startUs;
  }

  hasGrown(queueUs: number): boolean {
    return queueUs > GROWN_FACTOR * this.#queueUs + GROWN_US;
  }

  /** `newestSentUs`: when the newest acknowledged packet left. Returns false when draining was in vain: it has ended. */
  update(queueUs: number, newestSentUs: number, sentBytes: number, rttUs: number, nowUs: number): boolean {
    if (!this.draining) return true;
    if (queueUs < EMPTY_US) this.draining = false;
    // What was sent before the drain can only make the queue longer.
    if (this.isBefore(newestSentUs)) this.#queueUs = Math.max(this.#queueUs, queueUs);
    const elapsedUs = nowUs - this.#startUs;
    if (elapsedUs <= PATIENCE_US + this.#queueUs + rttUs) return true;
    const sentBps = ((sentBytes - this.#sentBytes) * 8_000_000) / elapsedUs;
    if (sentBps < RECEDED_SHARE * this.#rateBps && queueUs > LEFT_SHARE * this.#queueUs) {
      this.draining = false;
      return false;
    }
    if (this.draining) this.begin(queueUs, this.#rateBps, sentBytes, nowUs);
    return true;
  }

  /** Share of the rate that may be sent. */
  factor(queueUs: number): number {
    if (!this.draining) return 1;
    const share = 1 - (queueUs - FREE_US) / STOP_US;
    return Math.min(Math.max(share, MIN_FACTOR), 1);
  }
}
