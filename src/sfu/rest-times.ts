/**
 * Until when each transport of a thread needs no attention. A tick scans these times, and touches a transport's memory only
 * when its time has come.
 */
export class RestTimes {
  /** Something waits for a time that is near: ticks must come as often as they can. */
  isHurried = false;
  /** By session. */
  #untilUs = new Float64Array(64);

  /** Whether the transport needs attention. */
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
