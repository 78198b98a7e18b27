/**
 * The highest spatial layer of a video that anybody wants, told so that its publisher may stop encoding what nobody
 * does.
 *
 *              a higher one is wanted: told at once
 *    told n  ◀───────────────────────────────────────┐
 *      │                                             │
 *      └── less is wanted for HOLD_US ──▶ the highest that was wanted meanwhile is told
 *
 * Nothing is told of a track that nobody has wanted yet, until that has lasted too: publishers begin with all they have.
 */
import { NO_LAYER } from "./layer-selector.ts";

/**
 * Longer lets a publisher encode for nobody; shorter makes encoders start and stop, at a key frame each time, when a tile
 * is scrolled out of view and back or a page is loaded again.
 */
const HOLD_US = 5_000_000;

export class WantedLayer {
  /** Null before the first. */
  #told: number | null = null;
  /** Since when less than `#told` is wanted, and the highest wanted since. */
  #lessSinceUs = Number.POSITIVE_INFINITY;
  #lessThen: number = NO_LAYER;

  /** Returns the layer to tell now, or null while there is nothing new. Call it often. */
  update(wanted: number, nowUs: number): number | null {
    const isMore = this.#told === null ? wanted !== NO_LAYER : wanted > this.#told;
    if (isMore) return this.#tell(wanted);
    if (wanted === this.#told) {
      this.#lessSinceUs = Number.POSITIVE_INFINITY;
      return null;
    }
    if (this.#lessSinceUs === Number.POSITIVE_INFINITY) {
      this.#lessSinceUs = nowUs;
      this.#lessThen = wanted;
    }
    this.#lessThen = Math.max(this.#lessThen, wanted);
    return nowUs - this.#lessSinceUs < HOLD_US ? null : this.#tell(this.#lessThen);
  }

  #tell(layer: number): number {
    this.#told = layer;
    this.#lessSinceUs = Number.POSITIVE_INFINITY;
    return layer;
  }
}
