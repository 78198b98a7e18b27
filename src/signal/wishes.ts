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
  /** The client's settings by track; kept while the track is not subscribed. */
  readonly #settings = new Map<TrackId, UpdateTrackSettings>();
  /** Tracks that it wants, and whose publishers do not permit it. */
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

  /** Null for no limit. */
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

  /** A client that was told of a denial is told when the permission comes, not when it no longer wants the track. */
  #tellDenied(
    present: readonly Track[],
    denied: ReadonlySet<Track>,
    isAdmitted: (track: Track) => boolean,
  ): void {
    const before = this.#denied;
    this.#denied = new Set();
    for (const track of present) {
      const { id, publisher } = track;
      // For others, a hidden participant has left, and its tracks with it.
      if (!isShown(publisher)) continue;
      const wasDenied = before.has(id);
      const isDenied = denied.has(track) || (wasDenied && !isAdmitted(track));
      if (isDenied) this.#denied.add(id);
      if (isDenied !== wasDenied) this.#onPermission(track, !isDenied);
    }
  }
}
