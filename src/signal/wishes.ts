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
  /** Tracks of which the client was told that they are withheld from it: false, or true if they are not any more. */
  #told = new Map<TrackId, boolean>();

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

  /** Whether a track is allowed to it, as it was told; undefined where it was told nothing, and takes it to be. */
  toldOf({ id }: Track): boolean | undefined {
    return this.#told.get(id);
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
    const before = this.#told;
    this.#told = new Map();
    for (const track of present) {
      const { id, publisher } = track;
      // For others, a hidden participant has left, and its tracks with it.
      if (!isShown(publisher)) continue;
      const wasDenied = before.get(id) === false;
      const isDenied = denied.has(track) || (wasDenied && !isAdmitted(track));
      if (isDenied || before.has(id)) this.#told.set(id, !isDenied);
      if (isDenied !== wasDenied) this.#onPermission(track, !isDenied);
    }
  }
}
