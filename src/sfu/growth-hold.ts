/**
 * Keeps a video from trying a layer again that has just proved too much: one that came up and soon had to go down again
 * waits, and twice as long each time. Rates of encoders and estimates of paths both wobble; where their sum lies near the
 * edge of a layer, no margin between the two budgets is wide enough, and each change costs a key frame.
 */

/** What was given back within this time was too much. Longer blames a layer for what the path did later. */
const SOON_US = 5_000_000;

/** Longer leaves room unused when a path gets better, shorter shows a picture that changes all the time. */
const SHORTEST_US = 2_000_000;
const LONGEST_US = 32_000_000;

export class GrowthHold {
  #grownUs = Number.NEGATIVE_INFINITY;
  #untilUs = Number.NEGATIVE_INFINITY;
  #nextUs = SHORTEST_US;
  #hasBegun = false;

  isActive(nowUs: number): boolean {
    return nowUs < this.#untilUs;
  }

  /** The first time is a guess, for nobody knows yet what the video takes and what the path carries. */
  onGrown(nowUs: number): void {
    if (this.#hasBegun) this.#grownUs = nowUs;
    this.#hasBegun = true;
  }

  /** For want of bandwidth it has to do with less. */
  onShrunk(nowUs: number): void {
    const isSoon = nowUs - this.#grownUs < SOON_US;
    if (isSoon) this.#untilUs = nowUs + this.#nextUs;
    this.#nextUs = isSoon ? Math.min(2 * this.#nextUs, LONGEST_US) : SHORTEST_US;
    this.#grownUs = Number.NEGATIVE_INFINITY;
  }
}
