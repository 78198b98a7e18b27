/** How late datagrams left a relay: whether its numbers mean anything on the machine that it ran on. */

/** The latest so many count. */
const KEPT = 16_384;

export class Lateness {
  readonly #us = new Float64Array(KEPT);
  #count = 0;

  add(lateUs: number): void {
    this.#us[this.#count++ % KEPT] = lateUs;
  }

  summary(): { readonly p50Us: number; readonly p99Us: number; readonly maxUs: number } {
    const sorted = this.#us.slice(0, Math.min(this.#count, KEPT)).sort();
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return { p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) };
  }
}
