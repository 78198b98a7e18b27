/** When a thread that has ended is started again: soon, but later each time while it does not prove stable. */

/** After the first loss. Larger: nobody is served for longer. Smaller: nothing, for a start takes longer than this. */
const FIRST_DELAY_MS = 500;

/**
 * The longest delay. Larger: nobody is served for longer when the cause has gone. Smaller: what can not run takes CPU time
 * from what does; a start costs about a second of it.
 */
const LONGEST_DELAY_MS = 8_000;

/**
 * Signs of life, one a second, after which a thread counts as stable. One that hangs gives none, however long it lives.
 * Larger: after two losses of the DTLS thread in a row sessions are refused for longer. Smaller: they are accepted by threads
 * that end again before they serve them.
 */
export const STABLE_SIGNS = 10;

export class RestartDelays {
  /** Of each thread by its name: losses in a row, of threads that had not proved stable but for the first. */
  readonly #losses = new Map<string, number>();

  /** Milliseconds to wait, after a thread was lost that had given so many signs of life. */
  next(name: string, signs: number): number {
    const former = signs >= STABLE_SIGNS ? 0 : (this.#losses.get(name) ?? 0);
    this.#losses.set(name, former + 1);
    return Math.min(FIRST_DELAY_MS * 2 ** former, LONGEST_DELAY_MS);
  }
}
