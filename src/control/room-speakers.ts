/**
 * Who speaks in a room, put together from what its media threads say.
 *
 * Each thread tells of the tracks that are published in it whether they sound, so the lists of all threads together are
 * the room's; of who is forwarded from another room, that room tells. Each thread also says who holds the floor among all that it hears, and it does not hear everybody: a track is
 * piped only to threads where somebody receives it. The thread that changed its mind last is believed.
 */
import type { TrackId } from "../base/ids.ts";
import type { SpeakingTrack } from "../contract/media.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import type { Track } from "./track.ts";

export interface Speaker {
  readonly track: Track;
  /** Mean amplitude of the last sounds, in [0, 1]. */
  readonly level: number;
}

interface Report {
  readonly speakers: readonly SpeakingTrack[];
  readonly dominant: TrackId | null;
}

type Listener = () => void;

export class RoomSpeakers {
  /** Ordered by when the thread last changed its mind about the floor. */
  readonly #reports = new Map<MediaThread | Participant, Report>();
  readonly #listeners = new Set<Listener>();
  readonly #trackOf: (id: TrackId) => Track | undefined;

  constructor(trackOf: (id: TrackId) => Track | undefined) {
    this.#trackOf = trackOf;
  }

  /** The loudest first. */
  get list(): readonly Speaker[] {
    return [...this.#reports.values()]
      .flatMap(({ speakers }) => speakers)
      .flatMap(({ trackId, level }): Speaker[] => {
        const track = this.#trackOf(trackId);
        return track === undefined ? [] : [{ track, level }];
      })
      .sort((a, b) => b.level - a.level);
  }

  /** Who holds the floor: who speaks, or spoke last. */
  get dominant(): Participant | null {
    for (const { dominant } of [...this.#reports.values()].reverse()) {
      const track = dominant === null ? undefined : this.#trackOf(dominant);
      if (track !== undefined) return track.publisher;
    }
    return null;
  }

  /** Of the loudest track of a participant, in [0, 1]; null while none sounds. */
  levelOf(participant: Participant): number | null {
    return this.list.find(({ track }) => track.publisher === participant)?.level ?? null;
  }

  /** Calls `listener` when something has changed, until the function returned is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `from`: a thread, or a forwarded participant, whose tracks no thread of this room publishes. */
  onReport(from: MediaThread | Participant, { speakers, dominant }: Report): void {
    if (dominant !== this.#reports.get(from)?.dominant) this.#reports.delete(from);
    this.#reports.set(from, { speakers, dominant });
    this.#tell();
  }

  /** The room has left the thread, or the thread has died; or the participant is forwarded no more. */
  forget(from: MediaThread | Participant): void {
    if (this.#reports.delete(from)) this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
