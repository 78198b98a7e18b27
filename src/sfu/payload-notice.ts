/**
 * Decides which payloads of a track are reported to control.
 *
 *    note(another) ──▶ reported at once, or after the pause since the last report if it still differs then
 *    note(Opus after RED) ──▶ reported when it has lasted
 */
import type { PayloadParams } from "../contract/media.ts";

/**
 * Least time between two reports: each has control deal out tracks anew to a whole room, and a publisher may change with
 * every packet. Longer leaves receivers without media after two changes in a row, shorter lets one publisher keep control
 * busy.
 */
const PAUSE_US = 1_000_000;

/**
 * Publishers turn redundancy (RFC 2198) off for single packets and in silence, and receivers that know both forms get either
 * without control. Longer leaves those who know Opus alone without an encrypted voice whose redundancy has ended, shorter
 * takes each silence for that.
 */
const LASTS_US = 10_000_000;

export class PayloadNotice {
  #latest: PayloadParams | null = null;
  #latestUs = 0;
  #told: PayloadParams | null = null;
  #toldUs = Number.NEGATIVE_INFINITY;

  /** The payload has changed. */
  note(payload: PayloadParams, nowUs: number): void {
    this.#latest = payload;
    this.#latestUs = nowUs;
  }

  /** Returns the payload to report now, or null while there is nothing new or the pause lasts. Call it often. */
  take(nowUs: number): PayloadParams | null {
    if (this.#latest === this.#told || nowUs - this.#toldUs < PAUSE_US) return null;
    if (this.#isRest() && nowUs - this.#latestUs < LASTS_US) return null;
    this.#told = this.#latest;
    this.#toldUs = nowUs;
    return this.#told;
  }

  /** Whether the change may only be a pause of the redundancy that was reported. */
  #isRest(): boolean {
    return this.#told?.codec === "red" && this.#latest?.codec === "opus";
  }
}
