/**
 * Finds threads that hang: an endless loop, a lock that is never released. To the system they are alive, so there is no exit
 * event, and whoever they serve is cut off.
 *
 * A thread counts its signs of life, about one a second, in a timer of its event loop; an overloaded thread gives them too, a
 * little late. The watchdog checks them once a second and counts checks, not time: after a pause of the whole process (a
 * suspended machine, SIGSTOP, a container without CPU) or of the main thread alone, the next check counts as one.
 */
import { url as debuggerUrl } from "node:inspector";

/** Larger: a hang is noticed later. Smaller: checks fall between two signs of a healthy thread. */
const LOOK_INTERVAL_MS = 1_000;

/** A thread that is watched. */
export interface Watch {
  /** Whether it was found to hang. */
  readonly hangs: boolean;
  /** Stops watching: the thread has ended. */
  end(): void;
}

interface Watched {
  /** Checks in a row without a sign after which the thread hangs. */
  readonly patience: number;
  /** Signs given so far. */
  readonly signs: () => number;
  /** Called after `patience` checks without a sign, and again after as many more if the thread has not ended. */
  readonly onHang: () => void;
}

export class Watchdog {
  readonly #watches = new Set<OneWatch>();
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    this.#timer = setInterval(() => {
      // A thread that is stopped at a breakpoint does not hang.
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
