/**
 * The active speakers of a room, merged from the reports of its media threads.
 *
 * Each thread reports which of the tracks published in it are audible, so the lists of all threads together are the
 * room's; the speech of forwarded participants is reported by their own room. Each thread also reports the dominant
 * speaker among the tracks that it receives, and it does not receive all: a track is piped only to threads with a
 * subscriber. The thread whose dominant speaker changed last is right.
 */
import type { TrackId } from "../base/ids.ts";
import type { SpeakingTrack } from "../contract/media.ts";
import type { MediaThread } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import type { Track } from "./track.ts";

export interface Speaker {
  readonly track: Track;
  /** Mean amplitude of recent speech, in [0, 1]. */
  readonly level: number;
}

interface Report {
  readonly speakers: readonly SpeakingTrack[];
  readonly dominant: TrackId | null;
}

type Listener = () => void;

export class RoomSpeakers {
  /** Ordered by when the reported dominant speaker last changed. */
  readonly #reports = new Map<MediaThread | Participant, Report>();
  readonly #listeners = new Set<Listener>();
  readonly #tracks: () => readonly Track[];

  /** `tracks`: all that there are in the room. */
  constructor(tracks: () => readonly Track[]) {
    this.#tracks = tracks;
  }

  /** The loudest first. */
  get list(): readonly Speaker[] {
    const audible = [...this.#reports.values()].flatMap(({ speakers }) => speakers);
    if (audible.length === 0) return [];
    const present = new Map(this.#tracks().map((track) => [track.id, track]));
    return audible
      .flatMap(({ trackId, level }): Speaker[] => {
        const track = present.get(trackId);
        return track === undefined ? [] : [{ track, level }];
      })
      .sort((a, b) => b.level - a.level);
  }

  /** The dominant speaker: it speaks, or spoke last. */
  get dominant(): Participant | null {
    for (const { dominant } of [...this.#reports.values()].reverse()) {
      const track = dominant === null ? undefined : this.#tracks().find(({ id }) => id === dominant);
      if (track !== undefined) return track.publisher;
    }
    return null;
  }

  /** Level of the loudest track of a participant, in [0, 1]; null while none is audible. */
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

  /** The room has left the thread, or the thread has died; or the participant is no longer forwarded. */
  forget(from: MediaThread | Participant): void {
    if (this.#reports.delete(from)) this.#tell();
  }

  /** Of one who leaves with its tracks, for another room: if it comes back, it does not speak before it is reported to. */
  forgetTracks(tracks: readonly Track[]): void {
    const ids = new Set<TrackId>(tracks.map(({ id }) => id));
    const isHeard = this.list.some(({ track }) => ids.has(track.id));
    for (const [from, { speakers, dominant }] of this.#reports) {
      this.#reports.set(from, { speakers: speakers.filter(({ trackId }) => !ids.has(trackId)), dominant });
    }
    if (isHeard) this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
