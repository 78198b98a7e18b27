/** One identity in a room: a single record, however many transports it has opened. */
import { isDeepStrictEqual } from "node:util";
import type { ParticipantId, TrackId } from "../base/ids.ts";
import type { Claims, ParticipantKind, Permission } from "./access-token.ts";
import { type Audience, admits } from "./audience.ts";
import type { DataSink } from "./data-sink.ts";
import type { MediaThread } from "./media-threads.ts";
import { type Profile, type ProfileChange, type ProfileError, ProfileRecord } from "./profile.ts";
import { randomId } from "./random.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Room } from "./room.ts";
import type { ParticipantHappening } from "./room-events.ts";
import type { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";
import { type CloseReason, type RemoteSide, Transport } from "./transport.ts";

/**
 * How long a participant without a transport stays. Larger: those who left are listed longer. Smaller: a client that
 * replaces its transport is seen to leave and come back.
 */
const GRACE_MS = 5_000;

/**
 * A client needs one transport, or two when it publishes and subscribes separately; but the viewers of a broadcast
 * often share one token. Larger: one token can occupy more of a thread. Smaller: broadcasts with fewer viewers already
 * need a token for each.
 */
const MAX_TRANSPORTS = 256;

export type OpenTransportError = "no_capacity" | "too_many_transports" | "left";

export class Participant {
  readonly id = randomId<ParticipantId>("PA");
  readonly identity: string;
  /** In its first token. */
  readonly kind: ParticipantKind;
  readonly joinedAtMs: number;
  /** Sends data to its application; null when its client protocol has no data channels. */
  dataSink: DataSink | null = null;
  readonly #transports = new Set<Transport>();
  #room: Room;
  readonly #profile: ProfileRecord;
  #audience: Audience = "everybody";
  /** Whether it is to receive a track, where its client or the server API has set that. */
  readonly #told = new WeakMap<Track, boolean>();
  #version = 0;
  #held = false;
  #active = false;
  #left = false;
  #cancelGrace: () => void = () => {};

  /** `changedPermission`: one that overrides the grants of tokens from the beginning. */
  constructor(room: Room, claims: Claims, changedPermission?: Permission) {
    this.#room = room;
    this.identity = claims.identity;
    this.kind = claims.kind;
    this.joinedAtMs = room.clock.nowMs();
    this.#profile = new ProfileRecord(claims, changedPermission);
    this.#startGrace("never_connected");
  }

  /** Whether a transport of it has ever been connected. */
  get active(): boolean {
    return this.#active;
  }

  get room(): Room {
    return this.#room;
  }

  get profile(): Profile {
    return this.#profile.value;
  }

  /** The permission that overrides the grants of its transports' tokens; undefined while it was not changed. */
  get changedPermission(): Permission | undefined {
    return this.#profile.changedPermission;
  }

  /** Incremented with every event about it. */
  get version(): number {
    return this.#version;
  }

  get transports(): Iterable<Transport> {
    return this.#transports;
  }

  /** The participant of another room that it represents here; null for one that is here itself. */
  get source(): Participant | null {
    return null;
  }

  get tracks(): Track[] {
    return [...this.#transports].flatMap((transport) => [...transport.tracks]);
  }

  get trackCount(): number {
    return [...this.#transports].reduce((sum, transport) => sum + transport.trackCount, 0);
  }

  get subscriptions(): Subscription[] {
    return [...this.#transports].flatMap((transport) => transport.subscriptions);
  }

  /** The same identity has joined again, with a token whose claims may differ. */
  rejoin(claims: Claims): void {
    const before = this.profile;
    this.#profile.claim(claims);
    this.#tellOfChange(before);
  }

  /** Changes the profile. Ends what a revoked permission had allowed. */
  update(change: ProfileChange): Result<null, ProfileError> {
    const before = this.profile;
    const changed = this.#profile.change(change);
    if (!changed.ok) return changed;
    this.#tellOfChange(before);
    if (change.permission !== undefined) for (const transport of this.#transports) transport.enforce();
    return ok(null);
  }

  /** Subscribes it to `tracks`, as far as it is permitted and has sections for them, or unsubscribes it from them. */
  setReceives(tracks: readonly Track[], receives: boolean): void {
    for (const track of tracks) this.#told.set(track, receives);
    this.tell({ kind: "participant.receives", participant: this });
    for (const transport of this.#transports) transport.deal(this.room.tracks());
  }

  /** What `setReceives` has set for `track`; undefined where it has set nothing. */
  receives(track: Track): boolean | undefined {
    return this.#told.get(track);
  }

  get audience(): Audience {
    return this.#audience;
  }

  /** Sets who may receive what it publishes. */
  setAudience(audience: Audience): void {
    this.#audience = audience;
    this.withhold();
    this.tell({ kind: "participant.audience", participant: this });
    this.room.onTracksChanged();
  }

  /** Ends subscriptions to its tracks that are no longer permitted. */
  withhold(): void {
    for (const track of this.tracks) track.withhold();
  }

  /** Whether `subscriber` may receive a track of this participant; nobody else may receive those of a hidden one. */
  admits(subscriber: Participant, trackId: TrackId): boolean {
    if (this.#profile.permission.hidden && subscriber !== this) return false;
    return this.lets(subscriber, trackId);
  }

  /** Whether the publisher's audience lets `subscriber` receive a track of this participant. */
  lets(subscriber: Participant, trackId: TrackId): boolean {
    return admits(this.#audience, subscriber.identity, trackId);
  }

  /** Emits an event about it or about a track of its own. */
  tell(happening: ParticipantHappening): void {
    this.#version += 1;
    this.room.events.emit({ ...happening, room: this.room });
  }

  /** One of its transports is connected. */
  activate(): void {
    if (this.#active || this.#left) return;
    this.#active = true;
    this.tell({ kind: "participant.active", participant: this });
  }

  /** Keeps it in the room without a transport: the caller watches its client, and makes it leave. */
  hold(): void {
    this.#held = true;
    this.#cancelGrace();
  }

  get held(): boolean {
    return this.#held;
  }

  /** The media thread in which `openTransport()` would open one. Changes nothing. */
  mayOpenTransport(): Result<MediaThread, OpenTransportError> {
    if (this.#left) return fail("left");
    if (this.#transports.size >= MAX_TRANSPORTS) return fail("too_many_transports");
    return this.room.mayOpenTransport();
  }

  /** `remote`: null when the peer has not described itself yet; see `Transport.connect`. */
  openTransport(grants: Permission, remote: RemoteSide | null): Result<Transport, OpenTransportError> {
    const chosen = this.mayOpenTransport();
    if (!chosen.ok) return chosen;
    const thread = chosen.value;
    this.room.placements.occupy(thread);
    this.#cancelGrace();
    const transport = new Transport(this, thread, this.room.fingerprint, grants);
    if (remote !== null) transport.connect(remote);
    this.#transports.add(transport);
    this.room.log.info(
      { participantId: this.id, transportId: transport.id, thread: thread.index },
      "transport opened",
    );
    return ok(transport);
  }

  onTransportClosed(transport: Transport, reason: CloseReason): void {
    this.#transports.delete(transport);
    this.room.placements.vacate(transport.thread, transport.remote !== null);
    if (this.#transports.size === 0) this.#startGrace(reason);
  }

  /** Transports in another thread live on. */
  onThreadExit(thread: MediaThread): void {
    for (const transport of [...this.#transports]) {
      if (transport.thread === thread) transport.close("media_thread_exited");
    }
  }

  /** Takes the participant out of the room at once. */
  leave(reason: CloseReason): void {
    if (this.#left) return;
    this.#left = true;
    for (const transport of [...this.#transports]) transport.close(reason);
    this.#cancelGrace();
    this.room.onLeft(this, reason);
  }

  /** Leaves its room and enters `destination` with its transports and tracks. `Rooms.move` has checked that it may. */
  moveTo(destination: Room): void {
    const { tracks, room: origin } = this;
    for (const track of tracks) this.tell({ kind: "track.unpublished", track, reason: "moved" });
    origin.speakers.forgetTracks(tracks);
    origin.onLeft(this, "moved");
    for (const transport of this.#transports) {
      transport.deal([]);
      origin.placements.vacate(transport.thread, transport.remote !== null);
    }
    // So that the pipes of its tracks end while the tracks still belong to the old room.
    origin.dealTracks();
    this.#room = destination;
    for (const transport of this.#transports) {
      destination.placements.occupy(transport.thread);
      if (transport.remote !== null) destination.placements.open(transport.thread);
      transport.post({ kind: "transport.move", transportId: transport.id, roomId: destination.id });
    }
    destination.admit(this);
    if (this.#active) this.tell({ kind: "participant.active", participant: this });
    for (const track of tracks) this.tell({ kind: "track.published", track });
    for (const track of tracks) if (track.payload !== null) this.tell({ kind: "track.codec", track });
    for (const transport of this.#transports) transport.guard();
    destination.dealTracks();
  }

  #tellOfChange(before: Profile): void {
    const { profile } = this;
    if (isDeepStrictEqual(profile, before)) return;
    this.tell({ kind: "participant.changed", participant: this, before });
    if (profile.permission.hidden === before.permission.hidden) return;
    for (const track of this.tracks) track.tellHidden();
    this.room.dealTracks();
  }

  #startGrace(reason: CloseReason): void {
    if (this.#held) return;
    this.#cancelGrace = this.room.clock.after(GRACE_MS, () => this.leave(reason));
  }
}
