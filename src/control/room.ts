/** A conference: its participants, its rules, and the media threads that serve it. */
import type { Logger } from "pino";
import type { RoomId, RoomSid, SubscriptionId, TrackId } from "../base/ids.ts";
import type { Fingerprint, RoomMediaOptions } from "../contract/media.ts";
import { type Claims, isAttendant, type ParticipantKind } from "./access-token.ts";
import type { Clock } from "./clock.ts";
import type { DataThread } from "./data-thread.ts";
import { Lobby } from "./lobby.ts";
import { type MediaThread, type MediaThreads, type RoomStats, roomSubject } from "./media-threads.ts";
import { Participant } from "./participant.ts";
import { Placements } from "./placements.ts";
import { MAX_METADATA_BYTES } from "./profile.ts";
import { randomId } from "./random.ts";
import { RationedWork } from "./rationed-work.ts";
import { fail, ok, type Result } from "./result.ts";
import { RoomEvents } from "./room-events.ts";
import { RoomSpeakers } from "./room-speakers.ts";
import type { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";
import type { CloseReason } from "./transport.ts";

export interface RoomOptions {
  readonly maxParticipants: number;
  readonly maxTracksPerParticipant: number;
  /** How long a room is kept while nobody has joined it yet. */
  readonly emptyTimeoutSeconds: number;
  /** How long a room is kept after the last participant has left. */
  readonly departureTimeoutSeconds: number;
  /** `required`: a track whose publisher does not declare end-to-end encryption is refused. */
  readonly e2ee: "required" | "optional";
  /** What is done about tracks that do not look encrypted though declared so: see `sfu/encryption-guard.ts`. */
  readonly e2eeGuard: "off" | "report" | "cut";
  /** Nobody enters who has not been in the room before, was not admitted, and may not administer it. */
  readonly locked: boolean;
  /** The same people enter a room with a lobby; others wait there until they are admitted. */
  readonly lobby: boolean;
  /** The application's data about the room, for its participants; up to 64,000 bytes. */
  readonly metadata: string;
  /** How many voices are forwarded at a time: those that spoke most recently. */
  readonly loudestAudios: number | "all";
  /** How many participants' videos are forwarded at a time: those who spoke most recently. */
  readonly lastVideos: number | "all";
}

/** `idle`: it was empty for the time of its timeout. */
export type RoomEndReason = "room_deleted" | "idle" | "server_shutdown";

/** Why a room that has room for somebody does not let it in. */
export type DoorRefusal = "room_locked" | "awaiting_admission" | "admission_denied";

/** What every room of a server shares. */
export interface RoomSurroundings {
  readonly threads: MediaThreads;
  /** How many transports of one room a thread takes before the next go to another thread. */
  readonly transportsPerThread: number;
  /** Fingerprint of the certificate that is presented in all DTLS handshakes. */
  readonly fingerprint: Fingerprint;
  readonly dataThread: DataThread;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Room {
  readonly id: RoomId;
  /** Distinguishes rooms that had the same name at different times. */
  readonly sid = randomId<RoomSid>("RM");
  readonly createdAtMs: number;
  readonly log: Logger;
  readonly events = new RoomEvents();
  readonly speakers = new RoomSpeakers(() => this.tracks());
  readonly lobby: Lobby;
  readonly #surroundings: RoomSurroundings;
  readonly #forget: () => void;
  readonly #participants = new Map<string, Participant>();
  readonly #dealing: RationedWork;
  #options: RoomOptions;
  readonly placements: Placements;
  /** Whether anybody has joined. */
  #visited = false;
  #deleted = false;
  #cancelEmpty: () => void = () => {};

  /** `forget`: called once, when the room begins to end, so that nobody can join it any more. */
  constructor(id: RoomId, options: RoomOptions, surroundings: RoomSurroundings, forget: () => void) {
    this.id = id;
    this.createdAtMs = surroundings.clock.nowMs();
    this.log = surroundings.log.child({ roomId: id });
    this.placements = new Placements(surroundings.threads, surroundings.transportsPerThread, {
      onEnter: (thread) => this.#enter(thread),
      onOpen: (thread) => this.#tellOptions(thread),
      onLeave: (thread) => this.#leave(thread),
      onExit: (thread) => {
        // The others of the room stay where they are.
        for (const participant of this.participants) participant.onThreadExit(thread);
      },
    });
    this.lobby = new Lobby(surroundings.clock, (applicant) => {
      this.log.info({ identity: applicant.identity }, "somebody waits in the lobby");
      this.events.emit({ kind: "lobby.knocked", room: this, applicant });
    });
    this.#surroundings = surroundings;
    this.#dealing = new RationedWork(surroundings.clock, () => this.#deal());
    this.#forget = forget;
    this.#options = options;
    this.#startEmptyTimeout();
  }

  get options(): RoomOptions {
    return this.#options;
  }

  get clock(): Clock {
    return this.#surroundings.clock;
  }

  get fingerprint(): Fingerprint {
    return this.#surroundings.fingerprint;
  }

  get dataThread(): DataThread {
    return this.#surroundings.dataThread;
  }

  get participants(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  participant(identity: string): Participant | undefined {
    return this.#participants.get(identity);
  }

  tracks(): Track[] {
    return this.participants.flatMap((participant) => participant.tracks);
  }

  track(id: TrackId): Track | undefined {
    return this.tracks().find((track) => track.id === id);
  }

  subscriptions(): Subscription[] {
    return this.participants.flatMap((participant) => participant.subscriptions);
  }

  subscription(id: SubscriptionId): Subscription | undefined {
    return this.subscriptions().find(({ section }) => section.subscriptionId === id);
  }

  /** Measured rates and layers; undefined when a media thread does not answer. */
  async stats(): Promise<RoomStats | undefined> {
    const all = await Promise.all([...this.placements.threads].map((thread) => thread.stats(this.id)));
    const answers = all.filter((stats) => stats !== undefined);
    if (answers.length < all.length) return undefined;
    return {
      upTracks: answers.flatMap(({ upTracks }) => upTracks),
      downTracks: answers.flatMap(({ downTracks }) => downTracks),
      transports: answers.flatMap(({ transports }) => transports),
    };
  }

  /** New rules apply to later joins and tracks: nobody is removed by them. */
  setOptions(change: Partial<RoomOptions>): Result<null, "metadata_too_large"> {
    if (!isMetadata(change.metadata)) return fail("metadata_too_large");
    this.#options = { ...this.#options, ...change };
    this.log.info({ options: loggedOptions(this.#options) }, "room changed");
    this.events.emit({ kind: "room.changed", room: this });
    for (const thread of this.placements.threads) this.#tellOptions(thread);
    for (const { transports } of this.participants) for (const transport of transports) transport.guard();
    if (this.#taken === 0) this.#startEmptyTimeout();
    return ok(null);
  }

  /**
   * The caller has checked that `claims` may join. A second join of one identity returns the same participant; its
   * profile follows the new token only while no client holds it, since that client has a token of its own. One that is
   * forwarded here is replaced. `former`: the participant of this identity that has just been replaced by this one, which
   * takes over its permission where that was changed.
   */
  join(claims: Claims, former: Participant | null = null): Participant {
    const present = this.#participants.get(claims.identity);
    if (present?.source === null) {
      if (!present.held) present.rejoin(claims);
      return present;
    }
    present?.leave("replaced");
    const participant = new Participant(this, claims, former?.changedPermission);
    this.admit(participant);
    return participant;
  }

  /** The media thread for one more transport, as `Participant.openTransport` would choose it. Changes nothing. */
  mayOpenTransport(): Result<MediaThread, "no_capacity"> {
    const thread = this.placements.choose();
    return thread === undefined || this.dataThread.isMissing ? fail("no_capacity") : ok(thread);
  }

  /** Null for who may enter, now that the token allows it. */
  refusalOf(identity: string): DoorRefusal | null {
    const admitted = this.lobby.admits(identity);
    if (admitted !== undefined) return admitted ? null : "admission_denied";
    if (this.#options.locked) return "room_locked";
    return this.#options.lobby ? "awaiting_admission" : null;
  }

  /** Somebody asks to be let in. A room without participants does not end while somebody waits for the first. */
  knock(claims: Claims): void {
    this.lobby.knock(claims);
    if (this.#taken === 0) this.#startEmptyTimeout();
  }

  isFullFor(kind: ParticipantKind): boolean {
    return !isAttendant(kind) && this.#taken >= this.#options.maxParticipants;
  }

  /** Places that are taken. */
  get #taken(): number {
    return this.participants.filter(({ kind }) => !isAttendant(kind)).length;
  }

  /** The caller has checked that the room is not full and has nobody of this identity. */
  admit(participant: Participant): void {
    this.#participants.set(participant.identity, participant);
    // Of one that is forwarded only the media is here.
    if (participant.source === null) this.lobby.onEntered(participant.identity);
    if (!isAttendant(participant.kind)) {
      this.#visited = true;
      this.#cancelEmpty();
    }
    this.log.info({ participantId: participant.id, identity: participant.identity }, "participant joined");
    participant.tell({ kind: "participant.joined", participant });
  }

  /** Ends the room and removes everybody. */
  delete(reason: RoomEndReason = "room_deleted"): void {
    if (this.#deleted) return;
    this.#deleted = true;
    this.#forget();
    for (const participant of this.participants)
      participant.leave(reason === "idle" ? "room_deleted" : reason);
    this.#cancelEmpty();
    this.#dealing.end();
    this.log.info({ reason }, "room deleted");
    this.events.emit({ kind: "room.finished", room: this, reason });
  }

  onLeft(participant: Participant, reason: CloseReason): void {
    this.#participants.delete(participant.identity);
    if (reason === "participant_removed") this.lobby.onRemoved(participant.identity);
    this.log.info({ participantId: participant.id, reason }, "participant left");
    participant.tell({ kind: "participant.left", participant, reason });
    // An attendant has kept nothing.
    if (!isAttendant(participant.kind) && this.#taken === 0 && !this.#deleted) this.#startEmptyTimeout();
  }

  /**
   * A track came, went or changed codec, or its audience changed: tracks are assigned to the sections of all transports
   * again, soon. Tracks that have ended or may not be received are not carried by any section meanwhile.
   */
  onTracksChanged(): void {
    if (!this.#deleted) this.#dealing.ask();
  }

  /** The same, at once. */
  dealTracks(): void {
    if (!this.#deleted) this.#dealing.now();
  }

  /** Returns how many tracks were checked, summed over all transports. */
  #deal(): number {
    const tracks = this.tracks();
    // All viewers of a broadcast may be one participant, with many transports.
    const transports = this.participants.flatMap((participant) => [...participant.transports]);
    for (const transport of transports) transport.deal(tracks);
    return transports.filter((transport) => transport.receives).length * tracks.length;
  }

  #enter(thread: MediaThread): void {
    thread.route(roomSubject(this.id), (event) => {
      if (event.kind === "room.speakers") this.speakers.onReport(thread, event);
    });
  }

  #leave(thread: MediaThread): void {
    thread.post({ kind: "room.close", roomId: this.id });
    thread.unroute(roomSubject(this.id));
    this.speakers.forget(thread);
  }

  #tellOptions(thread: MediaThread): void {
    const { loudestAudios, lastVideos, e2eeGuard } = this.#options;
    const options: RoomMediaOptions = {
      loudestAudios: loudestAudios === "all" ? Number.POSITIVE_INFINITY : loudestAudios,
      lastVideos: lastVideos === "all" ? Number.POSITIVE_INFINITY : lastVideos,
      guardsEncryption: e2eeGuard !== "off",
    };
    thread.post({ kind: "room.options", roomId: this.id, options });
  }

  #startEmptyTimeout(): void {
    this.#cancelEmpty();
    const { emptyTimeoutSeconds, departureTimeoutSeconds } = this.#options;
    const seconds = this.#visited ? departureTimeoutSeconds : emptyTimeoutSeconds;
    this.#cancelEmpty = this.clock.after(seconds * 1000, () => this.delete("idle"));
  }
}

/** Whether `text` is short enough for a room's metadata. */
export function isMetadata(text = ""): boolean {
  return Buffer.byteLength(text) <= MAX_METADATA_BYTES;
}

/** Metadata are the application's: they may name people, and fill a disk. */
export function loggedOptions({ metadata, ...options }: RoomOptions): object {
  return { ...options, metadataBytes: Buffer.byteLength(metadata) };
}
