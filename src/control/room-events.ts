/**
 * What happens in a room, told after it has happened. Client protocols and webhooks listen to one room or to all.
 *
 *   room.started
 *     participant.joined ─▶ participant.active ─▶ participant.left
 *       track.published ─▶ track.codec ─▶ track.unpublished
 *   room.finished
 *
 * The others come at any time in between. Of a participant, tracks end first; of a room,
 * participants.
 */
import type { Participant } from "./participant.ts";
import type { Profile } from "./profile.ts";
import type { Room, RoomEndReason } from "./room.ts";
import type { Track, TrackEndReason } from "./track.ts";
import type { CloseReason } from "./transport.ts";

/** To a room as a whole. */
export type RoomHappening =
  | { readonly kind: "room.started" }
  /** Its options, metadata among them. */
  | { readonly kind: "room.changed" }
  | { readonly kind: "room.finished"; readonly reason: RoomEndReason };

/** To a participant, or to a track of its own. */
export type ParticipantHappening =
  /** In the room's books; not necessarily connected. */
  | { readonly kind: "participant.joined"; readonly participant: Participant }
  /** Connected for the first time. */
  | { readonly kind: "participant.active"; readonly participant: Participant }
  /** Name, metadata, attributes or permission. */
  | { readonly kind: "participant.changed"; readonly participant: Participant; readonly before: Profile }
  /** It was told which tracks to receive. */
  | { readonly kind: "participant.receives"; readonly participant: Participant }
  /** Its client has said something new of itself, which control does not keep. */
  | { readonly kind: "participant.described"; readonly participant: Participant }
  /** It has said who may receive what it publishes. */
  | { readonly kind: "participant.audience"; readonly participant: Participant }
  | { readonly kind: "participant.left"; readonly participant: Participant; readonly reason: CloseReason }
  | { readonly kind: "track.published"; readonly track: Track }
  /** Its first media has arrived, or its codec has changed. */
  | { readonly kind: "track.codec"; readonly track: Track }
  /** Its publisher has said something new of it, which control does not keep. */
  | { readonly kind: "track.described"; readonly track: Track }
  /** Muted, or not any more. */
  | { readonly kind: "track.muted"; readonly track: Track }
  /** It does not look as encrypted as it is said to be, or does again. */
  | { readonly kind: "track.suspect"; readonly track: Track }
  | { readonly kind: "track.unpublished"; readonly track: Track; readonly reason: TrackEndReason };

/** `room`: where it happened. A participant that has moved since is in another room by now. */
export type RoomEvent = (RoomHappening | ParticipantHappening) & { readonly room: Room };

type Listener = (event: RoomEvent) => void;

export class RoomEvents {
  readonly #listeners = new Set<Listener>();
  readonly #queue: RoomEvent[] = [];
  #telling = false;

  /** Calls `listener` for every event from now on; the function returned ends that. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a listener causes is told after what caused it, so that everybody hears everything in the same order. */
  emit(event: RoomEvent): void {
    this.#queue.push(event);
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const listener of [...this.#listeners]) listener(next);
      }
    } finally {
      this.#telling = false;
    }
  }
}
