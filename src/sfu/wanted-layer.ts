/**
 * The highest spatial layer of a video that anybody wants, reported so that its publisher can stop encoding the layers above
 * (dynacast).
 *
 *              a higher one is wanted: reported at once
 *  reported n ◀──────────────────────────────────────┐
 *      │                                             │
 *      └── less is wanted for HOLD_US ──▶ the highest that was wanted meanwhile is reported
 *
 * For a track that nobody has wanted yet this is reported only when it has lasted as long: publishers start with all layers.
 */
import { NO_LAYER } from "./layer-selector.ts";

/**
 * How long a decrease must last to be reported. Longer lets a publisher encode for nobody; shorter makes encoders stop and
 * start, at a key frame each time, when a tile is scrolled out of view and back or a page is reloaded.
 */
const HOLD_US = 5_000_000;

export class WantedLayer {
  /** The layer last reported; null before the first report. */
  #reported: number | null = null;
  /** When less than `#reported` was first wanted, and the highest wanted since. */
  #lessSinceUs = Number.POSITIVE_INFINITY;
  #highestSince: number = NO_LAYER;

  /** Returns the layer to report now, or null while there is nothing new. Call it often. */
  update(wanted: number, nowUs: number): number | null {
    const isMore = this.#reported === null ? wanted !== NO_LAYER : wanted > this.#reported;
    if (isMore) return this.#report(wanted);
    if (wanted === this.#reported) {
      this.#lessSinceUs = Number.POSITIVE_INFINITY;
      return null;
    }
    if (this.#lessSinceUs === Number.POSITIVE_INFINITY) {
      this.#lessSinceUs = nowUs;
      this.#highestSince = wanted;
    }
    this.#highestSince = Math.max(this.#highestSince, wanted);
    return nowUs - this.#lessSinceUs < HOLD_US ? null : this.#report(this.#highestSince);
  }

  #report(layer: number): number {
    this.#reported = layer;
    this.#lessSinceUs = Number.POSITIVE_INFINITY;
    return layer;
  }
}
