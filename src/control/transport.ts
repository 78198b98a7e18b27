/**
 * One ICE and DTLS association of a participant: what it publishes, what it receives, and how it ends.
 *
 * A transport acts with the grants of the token that opened it, so that one identity may hold a publish-only and a
 * subscribe-only token, until the participant's permission is changed by the server API.
 */
import type { TrackId, TransportId } from "../base/ids.ts";
import type {
  ExtensionIds,
  Fingerprint,
  IceCredentials,
  MediaCommand,
  MediaEvent,
  TransportState,
} from "../contract/media.ts";
import type { Permission } from "./access-token.ts";
import { DataChannels } from "./data-channels.ts";
import type { MediaThread, ServerCandidate } from "./media-threads.ts";
import type { Participant } from "./participant.ts";
import { isGranted, mayPublish, type PublishRefusal } from "./publishing.ts";
import { randomIceCredentials, randomId } from "./random.ts";
import { fail, ok, type Result } from "./result.ts";
import { Ssrcs } from "./ssrcs.ts";
import type { Subscription } from "./subscription.ts";
import { type ReceivingSection, Subscriptions } from "./subscriptions.ts";
import { type PublishedSection, Track, type TrackEndReason } from "./track.ts";

/** What the peer's side of the session description says. */
export interface RemoteSide {
  readonly remoteIce: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly extensions: ExtensionIds;
}

/** What the server's side of the session description says. */
export interface ServerSide {
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly ServerCandidate[];
}

export type CloseReason =
  | "client_left"
  | "never_connected"
  | "duplicate_identity"
  | "replaced"
  | "connection_failed"
  | "participant_removed"
  | "room_deleted"
  | "moved"
  | "server_shutdown"
  | "media_thread_exited";

type State =
  | { readonly kind: "open"; readonly connection: TransportState }
  | { readonly kind: "closed"; readonly reason: CloseReason };

export type PublishError = PublishRefusal | "closed";
export type AddSlotError = "too_many_subscriptions" | "closed";

/**
 * Sending sections of one transport. Larger: one client can make the server hold more state, about 1 KiB each.
 * Smaller: a viewer of a large room sees fewer tracks at once.
 */
const MAX_SECTIONS = 256;

export class Transport {
  readonly id = randomId<TransportId>("TP");
  readonly participant: Participant;
  readonly server: ServerSide;
  readonly #grants: Permission;
  /** The thread that handles its media. */
  readonly thread: MediaThread;
  readonly data: DataChannels;
  readonly #tracks = new Map<TrackId, Track>();
  readonly #subscriptions: Subscriptions;
  readonly #ssrcs = new Ssrcs();
  readonly #closedListeners: ((reason: CloseReason) => void)[] = [];
  #localIce = randomIceCredentials();
  #remote: RemoteSide | null = null;
  /** Commands that wait until the peer's description is known: only then does the media thread have the transport. */
  #waiting: MediaCommand[] = [];
  #state: State = { kind: "open", connection: "new" };
  /** Which tracks are assigned to the sending sections as they come; null while none are (see `watch`). */
  #watches: ((track: Track) => boolean) | null = null;

  /** `grants`: of the token that opens it. */
  constructor(participant: Participant, thread: MediaThread, fingerprint: Fingerprint, grants: Permission) {
    this.participant = participant;
    this.server = { fingerprint, candidates: thread.candidates };
    this.#grants = grants;
    this.thread = thread;
    this.data = new DataChannels(this.id, participant.room.dataThread);
    this.#subscriptions = new Subscriptions(this);
    thread.route(this.id, (event) => this.#onEvent(event));
  }

  /** The peer's description is known: the association can begin. Further calls do nothing. */
  connect(remote: RemoteSide): void {
    if (this.#remote !== null || this.#state.kind === "closed") return;
    this.#remote = remote;
    const { participant, id: transportId, localIce } = this;
    participant.room.placements.open(this.thread);
    this.thread.post({
      kind: "transport.open",
      transportId,
      roomId: participant.room.id,
      localIce,
      ...remote,
    });
    for (const command of this.#waiting.splice(0)) this.thread.post(command);
  }

  /** Posts a command to the media thread, as soon as the transport is open there. */
  post(command: MediaCommand): void {
    if (this.#remote !== null) return this.thread.post(command);
    // A peer may take its time, and change its wishes as often as it likes meanwhile: only the last ones are kept.
    this.#waiting = this.#waiting.filter((earlier) => !replaces(command, earlier));
    this.#waiting.push(command);
  }

  get remote(): RemoteSide | null {
    return this.#remote;
  }

  /** Header extension ids, in the peer's numbering. */
  get extensions(): ExtensionIds {
    return this.#remote?.extensions ?? {};
  }

  get localIce(): IceCredentials {
    return this.#localIce;
  }

  get state(): State {
    return this.#state;
  }

  get tracks(): Iterable<Track> {
    return this.#tracks.values();
  }

  get trackCount(): number {
    return this.#tracks.size;
  }

  get subscriptions(): readonly Subscription[] {
    return this.#subscriptions.list;
  }

  /** Whether it has sending sections; without any, it checks no tracks. */
  get receives(): boolean {
    return this.subscriptions.length > 0;
  }

  /** What this transport may do now. */
  get permission(): Permission {
    return this.participant.changedPermission ?? this.#grants;
  }

  /** An ICE restart by the peer (RFC 8445 §2.4): returns the new local credentials. */
  restartIce(remoteIce: IceCredentials): IceCredentials {
    if (this.#remote !== null) this.#remote = { ...this.#remote, remoteIce };
    this.#localIce = randomIceCredentials();
    const localIce = this.#localIce;
    this.post({ kind: "transport.restart-ice", transportId: this.id, localIce, remoteIce });
    return localIce;
  }

  /** Adds header extension ids of a later description. Returns false if a known one changes, or an id is used twice. */
  addExtensions(extensions: ExtensionIds): boolean {
    const known = this.extensions;
    const added = Object.entries(extensions).filter(([uri]) => !Object.hasOwn(known, uri));
    const ids = new Set(Object.values(known));
    if (Object.entries(extensions).some(([uri, id]) => Object.hasOwn(known, uri) && known[uri] !== id))
      return false;
    if (added.some(([, id]) => ids.has(id))) return false;
    if (this.#remote === null || added.length === 0) return true;
    this.#remote = { ...this.#remote, extensions: { ...known, ...extensions } };
    this.post({ kind: "transport.extensions", transportId: this.id, extensions });
    return true;
  }

  /** What the peer is sent is to take at most so much, bits per second; null for no limit but its path's. */
  limit(limitBps: number | null): void {
    this.post({ kind: "transport.limit", transportId: this.id, limitBps });
  }

  /** `id`: one that the publisher was already given. */
  publish(section: PublishedSection, id = randomId<TrackId>("TR")): Result<Track, PublishError> {
    if (this.#state.kind === "closed") return fail("closed");
    const { room, trackCount } = this.participant;
    const allowed = mayPublish(this.permission, room.options, [section], trackCount);
    if (!allowed.ok) return allowed;
    const track = Track.published(id, this, section);
    this.#tracks.set(track.id, track);
    this.#route(track);
    const { kind, source, encryption } = section;
    room.log.info({ trackId: track.id, transportId: this.id, kind, source, encryption }, "track published");
    this.participant.tell({ kind: "track.published", track });
    return ok(track);
  }

  /**
   * Adds a backup to a track of ours that has none: the same video, in another codec. `replaces`: see
   * `Track.setBackup`.
   */
  publishBackup(primary: Track, section: PublishedSection, replaces: boolean): Result<Track, "closed"> {
    if (!this.#tracks.has(primary.id)) return fail("closed");
    const backup = Track.published(randomId<TrackId>("TR"), this, section, primary);
    this.#route(backup);
    primary.setBackup(backup, replaces);
    this.participant.room.log.info({ trackId: primary.id, backupId: backup.id }, "backup published");
    this.participant.tell({ kind: "track.described", track: primary });
    return ok(backup);
  }

  unpublishBackup(primary: Track): void {
    const { backup } = primary;
    if (backup === null) return;
    primary.setBackup(null);
    primary.onSuspect(backup, false);
    this.#unroute(backup);
    this.post({ kind: "up-track.remove", trackId: backup.id });
    this.participant.room.log.info({ trackId: primary.id, backupId: backup.id }, "backup ended");
    this.participant.tell({ kind: "track.described", track: primary });
    this.participant.room.onTracksChanged();
  }

  /** Ends one track while the association stays. One that has ended already is ignored. */
  unpublish(track: Track, reason: TrackEndReason = "ended"): void {
    if (!this.#tracks.delete(track.id)) return;
    for (const { id: trackId } of streamsOf(track)) this.post({ kind: "up-track.remove", trackId });
    this.#endTrack(track, reason);
    this.participant.room.onTracksChanged();
  }

  /**
   * Adds a section on which the peer receives. It is silent until its reserved track has media, or `watch()` finds it
   * one.
   */
  addSlot(section: ReceivingSection): Result<Subscription, AddSlotError> {
    const added = this.addSlots([section]);
    return added.ok ? ok(added.value[0]!) : added;
  }

  /** Adds several such sections, for all of which tracks are looked for once. */
  addSlots(sections: readonly ReceivingSection[]): Result<readonly Subscription[], AddSlotError> {
    if (this.#state.kind === "closed") return fail("closed");
    if (this.subscriptions.length + sections.length > MAX_SECTIONS) return fail("too_many_subscriptions");
    const added = sections.map((section) => this.#subscriptions.add(section, this.#ssrcs));
    // Before payloads are negotiated it cannot carry anything, and clients add such sections by the hundred.
    if (sections.some(({ payloads }) => payloads.length > 0)) this.deal(this.participant.room.tracks());
    return ok(added);
  }

  /** Ends a section of `addSlot()`. */
  removeSlot(subscription: Subscription): void {
    this.#subscriptions.remove(subscription);
  }

  /** Assigns the tracks of one participant, or of all others, to the sending sections as they come and go. */
  watch(target: { readonly identity?: string }): Result<null, "forbidden"> {
    if (!this.permission.canSubscribe) return fail("forbidden");
    const { identity } = target;
    this.#watches =
      identity === undefined
        ? (track) => track.publisher !== this.participant
        : (track) => track.publisher.identity === identity;
    this.deal(this.participant.room.tracks());
    return ok(null);
  }

  /** Assigns `tracks` to the sending sections: all tracks of the room, or all of them that a section may carry. */
  deal(tracks: readonly Track[]): void {
    const { participant } = this;
    const watches = this.#watches;
    const allowed =
      this.permission.canSubscribe && this.receives
        ? tracks.filter(({ publisher, id }) => publisher.admits(participant, id))
        : [];
    if (watches === null) this.#subscriptions.serve(allowed);
    else {
      this.#subscriptions.deal(
        allowed.filter((track) => watches(track) && participant.receives(track) !== false),
      );
    }
  }

  /**
   * The participant's permission has changed: ends tracks that it may no longer publish, and reassigns the sections.
   */
  enforce(): void {
    const permission = this.permission;
    for (const track of [...this.tracks])
      if (!isGranted(permission, track.section.source)) this.unpublish(track);
    this.deal(this.participant.room.tracks());
  }

  /** Applies the room's rule to tracks that do not look encrypted though declared so. */
  guard(): void {
    const { e2eeGuard } = this.participant.room.options;
    for (const track of [...this.tracks]) {
      if (e2eeGuard === "off") for (const stream of streamsOf(track)) track.onSuspect(stream, false);
      else if (e2eeGuard === "cut" && track.suspect) this.unpublish(track, "not_encrypted");
    }
  }

  onClosed(listener: (reason: CloseReason) => void): void {
    this.#closedListeners.push(listener);
  }

  /** Ends the association and everything on it. A second call does nothing. */
  close(reason: CloseReason = "client_left"): void {
    if (this.#state.kind === "closed") return;
    this.#state = { kind: "closed", reason };
    this.data.close();
    if (this.#remote !== null) this.thread.post({ kind: "transport.close", transportId: this.id });
    this.thread.unroute(this.id);
    this.#subscriptions.end();
    const tracks = [...this.#tracks.values()];
    this.#tracks.clear();
    for (const track of tracks) this.#endTrack(track, "transport_closed");
    this.participant.room.log.info({ transportId: this.id, reason }, "transport closed");
    this.participant.onTransportClosed(this, reason);
    if (tracks.length > 0) this.participant.room.onTracksChanged();
    for (const listener of this.#closedListeners) listener(reason);
  }

  /** Adds the track to the media thread, and handles its events. */
  #route(track: Track): void {
    for (const { ssrc, rtxSsrc } of track.section.ssrcs) this.#ssrcs.take(ssrc, rtxSsrc);
    this.thread.route(track.id, (event) => this.#onTrackEvent(track, event));
    this.post({ kind: "up-track.add", transportId: this.id, track: track.params });
  }

  #unroute(track: Track): void {
    for (const { ssrc, rtxSsrc } of track.section.ssrcs) this.#ssrcs.free(ssrc, rtxSsrc);
    this.thread.unroute(track.id);
    track.end();
  }

  #endTrack(track: Track, reason: TrackEndReason): void {
    for (const stream of streamsOf(track)) this.#unroute(stream);
    this.participant.room.log.info({ trackId: track.id, reason }, "track ended");
    this.participant.tell({ kind: "track.unpublished", track, reason });
  }

  #onEvent(event: MediaEvent): void {
    if (event.kind !== "transport.state") return;
    const { state, reason } = event;
    this.#state = { kind: "open", connection: state };
    this.participant.room.log.info({ transportId: this.id, state, reason }, "transport state");
    if (state === "connected") this.participant.activate();
    if (state === "failed") this.close("connection_failed");
  }

  #onTrackEvent(track: Track, event: MediaEvent): void {
    if (event.kind === "up-track.wanted") track.onWantedIn(this.thread, event.spatial);
    if (event.kind === "up-track.suspect") {
      track.primary.onSuspect(track, event.suspect);
      this.guard();
    }
    if (event.kind !== "up-track.codec" || !track.onPayloadType(event.payloadType)) return;
    const { room } = this.participant;
    room.log.info({ trackId: track.id, codec: event.codec }, "track has media");
    this.participant.tell({ kind: "track.codec", track: track.primary });
    room.onTracksChanged();
  }
}

/** Whether `command` sets anew what `earlier` would have set. */
function replaces(command: MediaCommand, earlier: MediaCommand): boolean {
  if (command.kind === "transport.limit") return earlier.kind === "transport.limit";
  if (command.kind !== "down-track.prefer" || earlier.kind !== "down-track.prefer") return false;
  return command.subscriptionId === earlier.subscriptionId;
}

const streamsOf = (track: Track): readonly Track[] =>
  track.backup === null ? [track] : [track, track.backup];
