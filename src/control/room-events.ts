/**
 * Events of a room, emitted after the fact. Client protocols and webhooks listen to one room or to all.
 *
 *   room.started
 *     participant.joined ─▶ participant.active ─▶ participant.left
 *       track.published ─▶ track.codec ─▶ track.unpublished
 *   room.finished
 *
 * The other events come at any time in between. A participant's tracks end before it leaves; a room's participants
 * leave before it ends.
 */
import type { Applicant } from "./lobby.ts";
import type { Participant } from "./participant.ts";
import type { Profile } from "./profile.ts";
import type { Room, RoomEndReason } from "./room.ts";
import type { Track, TrackEndReason } from "./track.ts";
import type { CloseReason } from "./transport.ts";

/** About a room as a whole. */
export type RoomHappening =
  | { readonly kind: "room.started" }
  /** Its options, metadata among them. */
  | { readonly kind: "room.changed" }
  /** Somebody waits to be admitted. */
  | { readonly kind: "lobby.knocked"; readonly applicant: Applicant }
  | { readonly kind: "room.finished"; readonly reason: RoomEndReason };

/** About a participant, or a track of its own. */
export type ParticipantHappening =
  /** Added to the room; not necessarily connected. */
  | { readonly kind: "participant.joined"; readonly participant: Participant }
  /** Connected for the first time. */
  | { readonly kind: "participant.active"; readonly participant: Participant }
  /** Name, metadata, attributes or permission. */
  | { readonly kind: "participant.changed"; readonly participant: Participant; readonly before: Profile }
  /** Its client or the server API has changed which tracks it is to receive. */
  | { readonly kind: "participant.receives"; readonly participant: Participant }
  /** Its client has changed what it reports of itself, which control does not keep. */
  | { readonly kind: "participant.described"; readonly participant: Participant }
  /** It has changed who may receive what it publishes. */
  | { readonly kind: "participant.audience"; readonly participant: Participant }
  | { readonly kind: "participant.left"; readonly participant: Participant; readonly reason: CloseReason }
  | { readonly kind: "track.published"; readonly track: Track }
  /** Its first media has arrived, or its codec has changed. */
  | { readonly kind: "track.codec"; readonly track: Track }
  /** Its publisher has changed its description, which control does not interpret. */
  | { readonly kind: "track.described"; readonly track: Track }
  /** Muted or unmuted. */
  | { readonly kind: "track.muted"; readonly track: Track }
  /** It does not look encrypted though declared so, or does again. */
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

  /** Events that a listener causes are queued, so that all listeners get all events in the same order. */
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
