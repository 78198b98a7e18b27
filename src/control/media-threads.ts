/**
 * The media threads as control sees them: they take commands, send events, and may die.
 *
 * A room lives in one thread, or in several. Events are routed by the id they carry (transport, track, subscription,
 * room); an event with an unknown id is dropped, because its subject may have ended while the event was under way.
 */
import type { RoomId, TrackId } from "../base/ids.ts";
import type {
  DownTrackStats,
  MediaCommand,
  MediaEvent,
  TransportStats,
  UpTrackStats,
} from "../contract/media.ts";
import type { Clock } from "./clock.ts";

/** A host candidate of a thread's socket, as announced to clients. */
export interface ServerCandidate {
  readonly protocol: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/**
 * One media thread. Each listener is registered once, before the first command is posted. Posting to a thread that has
 * ended does nothing.
 */
export interface MediaThreadHandle {
  readonly index: number;
  readonly candidates: readonly ServerCandidate[];
  post(command: MediaCommand): void;
  /** Opens a pipe to another thread, before the next command is posted to either. */
  pipeTo(thread: number): void;
  onEvent(listener: (event: MediaEvent) => void): void;
  onExit(listener: () => void): void;
}

export interface RoomStats {
  readonly upTracks: readonly UpTrackStats[];
  readonly downTracks: readonly DownTrackStats[];
  readonly transports: readonly TransportStats[];
}

type Listener = (event: MediaEvent) => void;

/**
 * A thread answers within one turn of its loop, a few milliseconds. Larger: a request hangs longer on a thread that
 * is stuck. Smaller: a busy machine shows tracks without their rates.
 */
const STATS_TIMEOUT_MS = 1_000;

export class MediaThread {
  readonly index: number;
  readonly candidates: readonly ServerCandidate[];
  readonly #handle: MediaThreadHandle;
  readonly #clock: Clock;
  readonly #routes = new Map<string, Listener>();
  readonly #exitListeners = new Set<() => void>();
  readonly #statsWaiting = new Map<number, (stats: RoomStats | undefined) => void>();
  #lastRequestId = 0;
  #lastChannel = 0;

  constructor(handle: MediaThreadHandle, clock: Clock) {
    this.index = handle.index;
    this.candidates = handle.candidates;
    this.#handle = handle;
    this.#clock = clock;
    handle.onEvent((event) => this.#onEvent(event));
    handle.onExit(() => this.#onExit());
  }

  /** Number of transports, tracks, subscriptions and rooms here, by which threads are compared. */
  get load(): number {
    return this.#routes.size;
  }

  post(command: MediaCommand): void {
    this.#handle.post(command);
  }

  /**
   * Pipes the packets of a track of this thread to another thread. Returns the channel number that they carry, unique
   * among all pipes that this thread has had.
   */
  pipe(trackId: TrackId, to: MediaThread): number {
    const channel = ++this.#lastChannel;
    this.#handle.pipeTo(to.index);
    this.post({ kind: "up-track.pipe", trackId, to: to.index, channel });
    return channel;
  }

  /** Events that carry `id` go to `listener` until `unroute(id)`. */
  route(id: string, listener: Listener): void {
    this.#routes.set(id, listener);
  }

  unroute(id: string): void {
    this.#routes.delete(id);
  }

  /** Calls `listener` once when the thread ends; the function returned removes it. */
  onExit(listener: () => void): () => void {
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  /** The thread's measurements for a room; undefined when it does not answer in time, or ends. */
  stats(roomId: RoomId): Promise<RoomStats | undefined> {
    const requestId = ++this.#lastRequestId;
    return new Promise((resolve) => {
      const cancel = this.#clock.after(STATS_TIMEOUT_MS, () => this.#onStats(requestId, undefined));
      this.#statsWaiting.set(requestId, (stats) => {
        cancel();
        resolve(stats);
      });
      this.post({ kind: "stats", requestId, roomId });
    });
  }

  #onEvent(event: MediaEvent): void {
    if (event.kind === "stats") this.#onStats(event.requestId, event);
    else this.#routes.get(subjectOf(event))?.(event);
  }

  #onStats(requestId: number, stats: RoomStats | undefined): void {
    const resolve = this.#statsWaiting.get(requestId);
    this.#statsWaiting.delete(requestId);
    resolve?.(stats);
  }

  #onExit(): void {
    for (const requestId of [...this.#statsWaiting.keys()]) this.#onStats(requestId, undefined);
    for (const listener of [...this.#exitListeners]) listener();
    this.#exitListeners.clear();
  }
}

/** Routing key of a room: clients choose room names, and must not be able to choose the id of something else. */
export function roomSubject(id: RoomId): string {
  return `room ${id}`;
}

/** The id of what an event is about. */
function subjectOf(event: Exclude<MediaEvent, { kind: "stats" }>): string {
  switch (event.kind) {
    case "transport.state":
      return event.transportId;
    case "up-track.codec":
    case "up-track.wanted":
    case "up-track.suspect":
    case "piped-track.keyframe":
      return event.trackId;
    case "down-track.layer":
    case "down-track.allotted":
      return event.subscriptionId;
    case "room.speakers":
      return roomSubject(event.roomId);
    default:
      return event satisfies never;
  }
}

/** The threads that are alive. Whatever restarts a dead one adds its successor. */
export class MediaThreads {
  readonly #clock: Clock;
  readonly #threads = new Set<MediaThread>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#threads.size;
  }

  add(handle: MediaThreadHandle): void {
    const thread = new MediaThread(handle, this.#clock);
    this.#threads.add(thread);
    thread.onExit(() => this.#threads.delete(thread));
  }

  /** The thread for a room that has none yet; undefined when none is alive. */
  leastLoaded(): MediaThread | undefined {
    let best: MediaThread | undefined;
    for (const thread of this.#threads) {
      if (best === undefined || thread.load < best.load) best = thread;
    }
    return best;
  }
}
