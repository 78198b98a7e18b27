/**
 * Which payload of a track control is told of.
 *
 *    note(another) ──▶ told at once, or when the pause since the last has passed, if it is still another then
 */
import type { PayloadParams } from "../contract/media.ts";

/**
 * Each notice has control deal out tracks anew to a whole room, and a publisher may change with every packet. Longer leaves
 * receivers without media after two changes in a row, shorter lets one publisher keep control busy.
 */
const PAUSE_US = 1_000_000;

export class PayloadNotice {
  #latest: PayloadParams | null = null;
  #told: PayloadParams | null = null;
  #toldUs = Number.NEGATIVE_INFINITY;

  note(payload: PayloadParams): void {
    this.#latest = payload;
  }

  /** Returns the payload to tell now, or null while there is nothing new or the pause lasts. Call it often. */
  take(nowUs: number): PayloadParams | null {
    if (this.#latest === this.#told || nowUs - this.#toldUs < PAUSE_US) return null;
    this.#told = this.#latest;
    this.#toldUs = nowUs;
    return this.#told;
  }
}
