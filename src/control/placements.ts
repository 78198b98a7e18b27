/** The media threads that hold a room's transports: usually one, several when the room is large. */
import type { MediaThread, MediaThreads } from "./media-threads.ts";

interface Placement {
  transports: number;
  /** Those of them that were opened in the thread, since the descriptions of their peers are known. */
  open: number;
  readonly forgetExit: () => void;
}

interface PlacementListener {
  /** Before the first transport there. */
  onEnter(thread: MediaThread): void;
  /**
   * Before the first transport opens there: the thread forgets a room with its last open one, though others may follow.
   */
  onOpen(thread: MediaThread): void;
  /** After the last transport there, or when the thread has ended. */
  onLeave(thread: MediaThread): void;
  /** A thread that held transports of the room has ended. */
  onExit(thread: MediaThread): void;
}

export class Placements {
  readonly #threads: MediaThreads;
  readonly #transportsPerThread: number;
  readonly #listener: PlacementListener;
  readonly #placements = new Map<MediaThread, Placement>();

  constructor(threads: MediaThreads, transportsPerThread: number, listener: PlacementListener) {
    this.#threads = threads;
    this.#transportsPerThread = transportsPerThread;
    this.#listener = listener;
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
        this.#listener.onLeave(thread);
        this.#listener.onExit(thread);
      });
      this.#placements.set(thread, { transports: 1, open: 0, forgetExit });
      this.#listener.onEnter(thread);
    }
  }

  /** A transport is about to be opened in `thread`. */
  open(thread: MediaThread): void {
    const placement = this.#placements.get(thread);
    if (placement === undefined) return;
    placement.open += 1;
    if (placement.open === 1) this.#listener.onOpen(thread);
  }

  /** A transport has left `thread`. */
  vacate(thread: MediaThread, wasOpen: boolean): void {
    const placement = this.#placements.get(thread);
    if (placement === undefined) return;
    placement.transports -= 1;
    if (wasOpen) placement.open -= 1;
    if (placement.transports > 0) return;
    placement.forgetExit();
    this.#placements.delete(thread);
    this.#listener.onLeave(thread);
  }
}
