/** Which tracks a client wants, and how; and which of them their publishers withhold from it. */
import type { UpdateTrackSettings } from "@livekit/protocol";
import type { TrackId } from "../base/ids.ts";
import type { LayerPreference } from "../contract/media.ts";
import type { Participant } from "../control/participant.ts";
import type { Track } from "../control/track.ts";
import { isShown } from "./shown.ts";
import { preferenceFor } from "./track-settings.ts";

export class Wishes {
  readonly #participant: Participant;
  readonly #autoSubscribe: boolean;
  readonly #onPermission: (track: Track, allowed: boolean) => void;
  /** What the client said of tracks; kept while they are not subscribed. */
  readonly #settings = new Map<TrackId, UpdateTrackSettings>();
  /** Tracks that it has wished to receive, and their publishers do not let it. */
  #denied = new Set<TrackId>();

  /** `onPermission`: a publisher withholds a track, or does not any more. */
  constructor(
    participant: Participant,
    autoSubscribe: boolean,
    onPermission: (track: Track, allowed: boolean) => void,
  ) {
    this.#participant = participant;
    this.#autoSubscribe = autoSubscribe;
    this.#onPermission = onPermission;
  }

  setSettings(id: TrackId, settings: UpdateTrackSettings): void {
    this.#settings.set(id, settings);
  }

  /** Null for all that there is of it. */
  preferenceOf(track: Track): LayerPreference | null {
    const settings = this.#settings.get(track.id);
    return settings === undefined ? null : preferenceFor(track, settings);
  }

  /** Tracks that are withheld from it. */
  get denied(): ReadonlySet<TrackId> {
    return this.#denied;
  }

  /** What the client is to receive, as things are now, of what is `present` in its room. */
  wanted(present: readonly Track[]): Track[] {
    const participant = this.#participant;
    const { canSubscribe } = participant.profile.permission;
    const wished = present.filter((track) => {
      if (track.publisher === participant || !canSubscribe || !isShown(track.publisher)) return false;
      return participant.receives(track) ?? this.#autoSubscribe;
    });
    const ids = new Set(present.map(({ id }) => id));
    for (const id of this.#settings.keys()) if (!ids.has(id)) this.#settings.delete(id);
    const isAdmitted = ({ publisher, id }: Track): boolean => publisher.admits(participant, id);
    const denied = new Set(wished.filter((track) => !isAdmitted(track)));
    this.#tellDenied(present, denied, isAdmitted);
    return wished.filter((track) => !denied.has(track));
  }

  /** Of a track that it was told it is denied, a client is told that it may have it when it may, not when it wants it no more. */
  #tellDenied(
    present: readonly Track[],
    denied: ReadonlySet<Track>,
    isAdmitted: (track: Track) => boolean,
  ): void {
    const before = this.#denied;
    this.#denied = new Set();
    for (const track of present) {
      const { id, publisher } = track;
      // Who is hidden has left, for others, and its tracks with it.
      if (!isShown(publisher)) continue;
      const wasDenied = before.has(id);
      const isDenied = denied.has(track) || (wasDenied && !isAdmitted(track));
      if (isDenied) this.#denied.add(id);
      if (isDenied !== wasDenied) this.#onPermission(track, !isDenied);
    }
  }
}
