/** Where a room's transports are: mostly in one media thread, in several when the room is large. */
import type { MediaThread, MediaThreads } from "./media-threads.ts";

interface Placement {
  transports: number;
  readonly forgetExit: () => void;
}

export class Placements {
  readonly #threads: MediaThreads;
  readonly #transportsPerThread: number;
  readonly #onExit: (thread: MediaThread) => void;
  readonly #placements = new Map<MediaThread, Placement>();

  /** `onExit`: called when a thread that holds transports of the room has ended. */
  constructor(threads: MediaThreads, transportsPerThread: number, onExit: (thread: MediaThread) => void) {
    this.#threads = threads;
    this.#transportsPerThread = transportsPerThread;
    this.#onExit = onExit;
  }

  get threads(): Iterable<MediaThread> {
    return this.#placements.keys();
  }

  /**
   * The media thread for one more transport: one that has the room already, while its share of the room is small, else
   * the least loaded. Undefined when no thread is alive.
   */
  choose(): MediaThread | undefined {
    const [present] =
      [...this.#placements].find(([, one]) => one.transports < this.#transportsPerThread) ?? [];
    return present ?? this.#threads.leastLoaded();
  }

  /** A transport is in `thread` until `vacate`. */
  occupy(thread: MediaThread): void {
    const placement = this.#placements.get(thread);
    if (placement !== undefined) placement.transports += 1;
    else {
      const forgetExit = thread.onExit(() => {
        this.#placements.delete(thread);
        this.#onExit(thread);
      });
      this.#placements.set(thread, { transports: 1, forgetExit });
    }
  }

  /** A transport has left `thread`. */
  vacate(thread: MediaThread): void {
    const placement = this.#placements.get(thread);
    if (placement === undefined) return;
    placement.transports -= 1;
    if (placement.transports > 0) return;
    placement.forgetExit();
    this.#placements.delete(thread);
  }
}
