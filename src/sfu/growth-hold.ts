/**
 * Keeps a video from trying a layer again that has just proved too much: one that came up and soon had to go down again
 * waits, and twice as long each time. Rates of encoders and estimates of paths both wobble; where their sum lies near the
 * edge of a layer, no margin between the two budgets is wide enough, and each change costs a key frame. Where it is found
 * meanwhile that the path carries more than there was when the layer was tried, it waits no longer: then there was no edge,
 * but an encoder that came to its rate faster than the estimate, which grows with what is sent. And where there is ample room
 * the allocator does not ask: then it was the path that fell for a moment.
 */

/** What was given back within this time was too much. Longer blames a layer for what the path did later. */
const SOON_US = 5_000_000;

/** Longer leaves room unused when a path gets better, shorter shows a picture that changes all the time. */
const SHORTEST_US = 2_000_000;
const LONGEST_US = 32_000_000;

/** By so much estimates of one path differ. More makes a layer wait that there is room for, less tries it with each wobble. */
const WIDER = 1.15;

const NEVER = Number.NEGATIVE_INFINITY;

export class GrowthHold {
  #grownUs = NEVER;
  #untilUs = NEVER;
  #nextUs = SHORTEST_US;
  #hasBegun = false;
  /** The most that there was for all that the receiver gets, bits per second, while it had the layer. */
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

  /** It has what it had. */
  onKept(budgetBps: number): void {
    if (this.#grownUs !== NEVER) this.#triedBps = Math.max(this.#triedBps, budgetBps);
  }

  /** For want of bandwidth it has to do with less. */
  onShrunk(budgetBps: number, nowUs: number): void {
    this.onKept(budgetBps);
    const isSoon = nowUs - this.#grownUs < SOON_US;
    if (isSoon) this.#untilUs = nowUs + this.#nextUs;
    this.#nextUs = isSoon ? Math.min(2 * this.#nextUs, LONGEST_US) : SHORTEST_US;
    this.#grownUs = NEVER;
  }
}
