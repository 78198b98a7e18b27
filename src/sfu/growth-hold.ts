/**
 * Exponential back-off for layers: a video that went up a layer and soon had to go down again waits before it tries again,
 * and twice as long each time. Rates of encoders and estimates of paths both vary; where their sum is near the edge of a
 * layer, no margin between the two budgets is wide enough, and each change costs a key frame. The wait ends early when the
 * path turns out to carry more than there was when the layer was tried: then the encoder had only reached its rate faster
 * than the estimate, which grows with what is sent. Where there is ample bandwidth the allocator ignores the wait: then it
 * was the path that fell for a moment.
 */

/** A layer that is given up within this time was too much. Longer blames a layer for what the path did later. */
const SOON_US = 5_000_000;

/**
 * The first wait, and the longest. Longer leaves bandwidth unused when a path gets better, shorter makes the picture change
 * all the time.
 */
const SHORTEST_US = 2_000_000;
const LONGEST_US = 32_000_000;

/**
 * How much more the path must carry to end the wait: estimates of one path differ by as much. More makes a layer wait that
 * there is room for, less tries it with each variation.
 */
const WIDER = 1.15;

const NEVER = Number.NEGATIVE_INFINITY;

export class GrowthHold {
  #grownUs = NEVER;
  #untilUs = NEVER;
  #nextUs = SHORTEST_US;
  #hasBegun = false;
  /** The largest budget for all tracks of the receiver, bits per second, while it had the layer. */
  #triedBps = 0;

  isActive(budgetBps: number, nowUs: number): boolean {
    return nowUs < this.#untilUs && budgetBps < WIDER * this.#triedBps;
  }

  /** The first time is a guess, for nobody knows yet what the video takes and what the path carries. */
  onGrown(budgetBps: number, nowUs: number): void {
    if (this.#hasBegun) this.#grownUs = nowUs;
    this.#hasBegun = true;
    this.#triedBps = budgetBps;
  }

  /** The video keeps its layer. */
  onKept(budgetBps: number): void {
    if (this.#grownUs !== NEVER) this.#triedBps = Math.max(this.#triedBps, budgetBps);
  }

  /** The video goes down for lack of bandwidth. */
  onShrunk(budgetBps: number, nowUs: number): void {
    this.onKept(budgetBps);
    const isSoon = nowUs - this.#grownUs < SOON_US;
    if (isSoon) this.#untilUs = nowUs + this.#nextUs;
    this.#nextUs = isSoon ? Math.min(2 * this.#nextUs, LONGEST_US) : SHORTEST_US;
    this.#grownUs = NEVER;
  }
}
