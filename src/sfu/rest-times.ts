/**
 * Until when nothing is to be done for each transport of a thread. A tick reads these times from end to end, and fetches a
 * transport from memory only when its time has come.
 */
export class RestTimes {
  /** Somebody waits for a time that is near: ticks are to come as often as they can. */
  isHurried = false;
  /** By session. */
  #untilUs = new Float64Array(64);

  /** Whether there is something to do for it. */
  isOver(session: number, nowUs: number): boolean {
    return nowUs >= this.#untilUs[session]!;
  }

  set(session: number, untilUs: number): void {
    if (session >= this.#untilUs.length) this.#grow(session);
    this.#untilUs[session] = untilUs;
  }

  #grow(session: number): void {
    const grown = new Float64Array(Math.max(2 * this.#untilUs.length, session + 1));
    grown.set(this.#untilUs);
    this.#untilUs = grown;
  }
}
