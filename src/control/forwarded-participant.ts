/**
 * Represents in one room a participant of another: with the same identity and profile, and with those of its tracks
 * that this room allows. It receives nothing and has no transport. It leaves when its source leaves, when the source
 * joins this room itself, or when it is removed.
 */
import type { TrackId } from "../base/ids.ts";
import type { SpeakingTrack } from "../contract/media.ts";
import { type Claims, NO_ROOM_CONFIG } from "./access-token.ts";
import { Participant } from "./participant.ts";
import type { ProfileChange, ProfileError } from "./profile.ts";
import { isGranted } from "./publishing.ts";
import type { Result } from "./result.ts";
import type { Room } from "./room.ts";
import type { RoomEvent } from "./room-events.ts";
import type { Track, TrackEndReason } from "./track.ts";
import type { CloseReason } from "./transport.ts";

export class ForwardedParticipant extends Participant {
  readonly #source: Participant;
  /** Our track by the source's track that it forwards. */
  readonly #tracks = new Map<Track, Track>();
  readonly #stopListening: readonly (() => void)[];
  #speaks = false;

  /** The caller has checked that `room` can admit it. */
  static enter(room: Room, source: Participant): ForwardedParticipant {
    const participant = new ForwardedParticipant(room, source);
    room.admit(participant);
    if (source.active) participant.activate();
    participant.#fill();
    return participant;
  }

  private constructor(room: Room, source: Participant) {
    super(room, claimsOf(source, room));
    this.#source = source;
    // It has no transport whose end could start the grace period.
    this.hold();
    this.#stopListening = [
      source.room.events.on((event) => this.#onEvent(event)),
      source.room.speakers.onChange(() => this.#tellSpeech()),
      room.events.on((event) => {
        if (event.kind === "room.changed" && event.room === room) this.#followRules();
      }),
    ];
  }

  override get source(): Participant {
    return this.#source;
  }

  override get tracks(): Track[] {
    return [...this.#tracks.values()];
  }

  override get trackCount(): number {
    return this.#tracks.size;
  }

  /** Who may receive a track is set by its publisher, for the track's id in its own room. */
  override lets(subscriber: Participant, trackId: TrackId): boolean {
    const source = this.tracks.find(({ id }) => id === trackId)?.source;
    return source != null && this.#source.lets(subscriber, source.id);
  }

  /** Stops forwarding tracks that it may no longer publish here, and forwards those that it may publish again. */
  override update(change: ProfileChange): Result<null, ProfileError> {
    const updated = super.update(change);
    if (!updated.ok || change.permission === undefined) return updated;
    for (const source of [...this.#tracks.keys()]) if (!this.#grants(source)) this.#remove(source);
    this.#fill();
    return updated;
  }

  override leave(reason: CloseReason): void {
    for (const stop of this.#stopListening) stop();
    for (const track of [...this.#tracks.keys()]) this.#remove(track);
    this.room.speakers.forget(this);
    super.leave(reason);
  }

  #onEvent(event: RoomEvent): void {
    if ("track" in event) this.#onTrackEvent(event);
    else if ("participant" in event && event.participant === this.#source) {
      if (event.kind === "participant.left") this.leave(event.reason);
      else if (event.kind === "participant.active") this.activate();
      else if (event.kind === "participant.changed") this.rejoin(claimsOf(this.#source, this.room));
      else if (event.kind === "participant.audience") {
        this.withhold();
        this.tell({ kind: "participant.audience", participant: this });
        this.room.onTracksChanged();
      }
    }
  }

  #onTrackEvent(event: Extract<RoomEvent, { readonly track: Track }>): void {
    const { kind, track: source } = event;
    if (source.publisher !== this.#source) return;
    const track = this.#tracks.get(source);
    if (kind === "track.published") return this.#add(source);
    if (track === undefined) return;
    if (kind === "track.unpublished") {
      this.#remove(source);
      // When the source is moved, all its tracks are about to end.
      if (event.reason !== "moved") this.#fill();
      return;
    }
    if (kind === "track.muted") return track.tellMuted();
    if (kind === "track.suspect" && this.#cuts(source)) return this.#followRules();
    track.follow();
    this.tell({ kind, track });
    if (kind === "track.codec" || kind === "track.described") this.room.onTracksChanged();
  }

  /** Adds all tracks that the room allows: when one has ended, there may be a place for one that had none. */
  #fill(): void {
    for (const source of this.#source.tracks) this.#add(source);
  }

  #add(source: Track): void {
    // Events are queued: the track may have ended since.
    if (this.#tracks.has(source) || !this.#source.tracks.includes(source) || !this.#takes(source)) return;
    const track = source.forward(this);
    this.#tracks.set(source, track);
    this.room.log.info({ trackId: track.id, sourceTrackId: source.id }, "track forwarded");
    this.tell({ kind: "track.published", track });
    if (track.payload !== null) this.tell({ kind: "track.codec", track });
    this.room.onTracksChanged();
  }

  #takes(source: Track): boolean {
    const { e2ee, maxTracksPerParticipant } = this.room.options;
    if (!this.#grants(source) || this.#cuts(source)) return false;
    if (e2ee === "required" && source.section.encryption === "none") return false;
    return this.trackCount < maxTracksPerParticipant;
  }

  /** What the source's token grants was checked where it published. */
  #grants({ section }: Track): boolean {
    return this.changedPermission === undefined || isGranted(this.changedPermission, section.source);
  }

  /** Ends the tracks that the room's rules no longer allow, and adds those that they allow now. */
  #followRules(): void {
    for (const source of [...this.#tracks.keys()])
      if (this.#cuts(source)) this.#remove(source, "not_encrypted");
    this.#fill();
  }

  /** Whether to cut a track that does not look encrypted though declared so; its own room detects that. */
  #cuts({ suspect }: Track): boolean {
    return suspect && this.room.options.e2eeGuard === "cut";
  }

  #remove(source: Track, reason: TrackEndReason = "ended"): void {
    const track = this.#tracks.get(source);
    if (track === undefined) return;
    this.#tracks.delete(source);
    this.room.onTracksChanged();
    track.end();
    this.room.log.info({ trackId: track.id }, "track ended");
    this.tell({ kind: "track.unpublished", track, reason });
  }

  /** Its tracks are not published in a thread of this room, so no thread reports their speech. */
  #tellSpeech(): void {
    const speakers = this.#source.room.speakers.list.flatMap(({ track, level }): SpeakingTrack[] => {
      const forwarded = this.#tracks.get(track);
      return forwarded === undefined || forwarded.muted ? [] : [{ trackId: forwarded.id, level }];
    });
    if (speakers.length === 0 && !this.#speaks) return;
    this.#speaks = speakers.length > 0;
    this.room.speakers.onReport(this, { speakers, dominant: null });
  }
}

/** The claims with which it enters: name, metadata, attributes, kind and permission of its source. */
function claimsOf({ identity, kind, profile }: Participant, room: Room): Claims {
  const { name, metadata, attributes, permission } = profile;
  return {
    apiKey: "",
    identity,
    name,
    metadata,
    attributes,
    kind,
    roomConfig: NO_ROOM_CONFIG,
    grants: {
      ...permission,
      roomCreate: false,
      roomList: false,
      roomAdmin: false,
      roomJoin: true,
      room: room.id,
      destinationRoom: "",
    },
    expiresAtSeconds: Number.POSITIVE_INFINITY,
    validFromSeconds: 0,
    reissuedAtMs: null,
  };
}
