/**
 * Finds threads that hang: an endless loop, a lock that nobody opens. For the system they are alive, so nobody hears of an end,
 * and whoever is served by them is not.
 *
 * A thread counts its signs of life, about one a second, by a timer of its loop: a thread that is full gives them too, a little
 * late. They are looked at once a second, and it is looks that are counted, not time. When everything has slept (a suspended
 * machine, a stopped process, a container without its share of CPU) or the main thread alone was late, the next look is one.
 */
import { url as debuggerUrl } from "node:inspector";

/** Larger: a hang is noticed later. Smaller: looks between two signs of a thread. */
const LOOK_INTERVAL_MS = 1_000;

/** A thread that is watched. */
export interface Watch {
  /** It was found to hang. */
  readonly hangs: boolean;
  /** It has ended. */
  end(): void;
}

interface Watched {
  /** Looks without a sign after which it hangs. */
  readonly patience: number;
  /** How many signs it has given. */
  readonly signs: () => number;
  /** Again after as many further looks, if that did not end it. */
  readonly onHang: () => void;
}

export class Watchdog {
  readonly #watches = new Set<OneWatch>();
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#timer = setInterval(() => {
      // Who stops at a breakpoint does not hang.
      if (debuggerUrl() === undefined) this.look();
    }, LOOK_INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  watch(watched: Watched): Watch {
    const watch = new OneWatch(watched, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  look(): void {
    for (const watch of [...this.#watches]) watch.look();
  }
}

class OneWatch implements Watch {
  readonly end: () => void;
  readonly #watched: Watched;
  #signs: number;
  #silentLooks = 0;
  #hangs = false;

  constructor(watched: Watched, end: () => void) {
    this.#watched = watched;
    this.#signs = watched.signs();
    this.end = end;
  }

  get hangs(): boolean {
    return this.#hangs;
  }

  look(): void {
    const { signs, patience, onHang } = this.#watched;
    const seen = signs();
    this.#silentLooks = seen === this.#signs ? this.#silentLooks + 1 : 0;
    this.#signs = seen;
    if (this.#silentLooks < patience) return;
    this.#silentLooks = 0;
    this.#hangs = true;
    onHang();
  }
}
