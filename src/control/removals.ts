/**
 * Who was lately removed from which room. The tokens that we reissue to clients, so that they can resume, are good for longer
 * than those of the application may be: with one from before its removal nobody comes back.
 */
import type { Claims } from "./access-token.ts";
import type { Clock } from "./clock.ts";

/**
 * A reissued token is good for ten minutes, and for half a minute more where clocks differ; or for as long as the one that
 * its bearer has of the application. Larger: more memory. Smaller: some that were removed come back with it.
 */
const REMEMBERED_MS = 660_000;

export class Removals {
  readonly #clock: Clock;
  /** By room and identity, in the order of time. */
  readonly #removed = new Map<string, { readonly timeMs: number; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(room: string, identity: string): void {
    this.#forget();
    const key = keyOf(room, identity);
    this.#removed.delete(key);
    const untilMs = this.#clock.monotonicMs() + REMEMBERED_MS;
    this.#removed.set(key, { timeMs: this.#clock.nowMs(), untilMs });
  }

  /** Whether these are claims of a token that was reissued before its bearer was removed from `room`. */
  bar({ identity, reissuedAtMs }: Claims, room: string): boolean {
    if (reissuedAtMs === null) return false;
    this.#forget();
    const removed = this.#removed.get(keyOf(room, identity));
    return removed !== undefined && reissuedAtMs <= removed.timeMs;
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, { untilMs }] of this.#removed) {
      if (untilMs > nowMs) return;
      this.#removed.delete(key);
    }
  }
}

const keyOf = (room: string, identity: string): string => JSON.stringify([room, identity]);
