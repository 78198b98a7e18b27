/** All rooms of this server, and who may enter them. */
import type { RoomId } from "../base/ids.ts";
import type { Claims, RoomConfig } from "./access-token.ts";
import { type Ban, type BanError, type BanStore, Bans } from "./bans.ts";
import { ForwardedParticipant } from "./forwarded-participant.ts";
import type { Participant } from "./participant.ts";
import type { RoomRules } from "./publishing.ts";
import { Removals } from "./removals.ts";
import { fail, ok, type Result } from "./result.ts";
import { type RevocationStore, Revocations } from "./revocations.ts";
import {
  type DoorRefusal,
  isMetadata,
  loggedOptions,
  Room,
  type RoomOptions,
  type RoomSurroundings,
} from "./room.ts";
import { RoomEvents } from "./room-events.ts";

export interface RoomDefaults extends Omit<RoomOptions, "metadata" | "locked"> {
  /** Whether the first join creates the room. */
  readonly autoCreate: boolean;
}

export type JoinError =
  | DoorRefusal
  | "forbidden"
  | "banned"
  | "identity_required"
  | "invalid_room_name"
  | "room_not_found"
  | "room_full"
  | "draining";

export type MoveError =
  | "forwarded"
  | "banned"
  | "same_room"
  | "draining"
  | "room_not_found"
  | "invalid_room_name"
  | "identity_taken"
  | "room_full"
  | "e2ee_required"
  | "too_many_tracks";

export interface RoomCounts {
  readonly rooms: number;
  readonly participants: number;
  readonly tracks: number;
  readonly subscriptions: number;
  readonly speakers: number;
}

/** What is kept beyond this process. */
export interface RoomStores {
  readonly bans: BanStore;
  readonly revocations: RevocationStore;
}

/** Letters, digits, punctuation, spaces: anything that can be printed. `.` and `..` would vanish from URLs. */
const ROOM_NAME = /^(?!\.{1,2}$)[^\p{C}]{1,128}$/u;

export class Rooms {
  /** Events of all rooms. */
  readonly events = new RoomEvents();
  readonly #defaults: RoomDefaults;
  readonly #surroundings: RoomSurroundings;
  readonly #rooms = new Map<RoomId, Room>();
  readonly #removals: Removals;
  readonly #bans: Bans;
  readonly #revocations: Revocations;
  #draining = false;

  constructor(defaults: RoomDefaults, surroundings: RoomSurroundings, stores: RoomStores) {
    this.#defaults = defaults;
    this.#surroundings = surroundings;
    this.#removals = new Removals(surroundings.clock);
    this.#bans = new Bans(stores.bans, surroundings.clock);
    this.#revocations = new Revocations(stores.revocations, surroundings.clock);
    this.events.on((event) => {
      if (event.kind !== "participant.left" || event.reason !== "participant_removed") return;
      this.#removals.add(event.room.id, event.participant.identity);
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether there are threads for the media and for the handshakes of sessions. */
  get hasThreads(): boolean {
    const { threads, dataThread } = this.#surroundings;
    return threads.count > 0 && !dataThread.isMissing;
  }

  get list(): readonly Room[] {
    return [...this.#rooms.values()];
  }

  get counts(): RoomCounts {
    const { list } = this;
    const sum = (count: (room: Room) => number): number =>
      list.reduce((total, room) => total + count(room), 0);
    return {
      rooms: list.length,
      participants: sum((room) => room.participants.length),
      tracks: sum((room) => room.tracks().length),
      subscriptions: sum((room) => room.subscriptions().filter(({ track }) => track !== null).length),
      speakers: sum((room) => room.speakers.list.length),
    };
  }

  get(id: string): Room | undefined {
    return this.#rooms.get(id as RoomId);
  }

  /** The rules of a room, or those that it would have if a join created it now. */
  rulesOf(name: string): RoomRules {
    return this.get(name)?.options ?? this.#defaults;
  }

  /** Options that are not given take the server's defaults. */
  create(
    name: string,
    options: Partial<RoomOptions> = {},
  ): Result<Room, "invalid_room_name" | "metadata_too_large" | "room_exists" | "draining"> {
    if (this.#draining) return fail("draining");
    if (!ROOM_NAME.test(name)) return fail("invalid_room_name");
    if (!isMetadata(options.metadata)) return fail("metadata_too_large");
    if (this.#rooms.has(name as RoomId)) return fail("room_exists");
    return ok(this.#open(name as RoomId, options));
  }

  /** Why `join()` would refuse; null when it would not. Changes nothing. */
  check(name: string, claims: Claims): JoinError | null {
    if (!mayJoin(claims, name) || this.#removals.bar(claims, name)) return "forbidden";
    if (claims.identity === "") return "identity_required";
    if (this.#draining) return "draining";
    const room = this.get(name);
    if (room === undefined && !this.#defaults.autoCreate && !claims.grants.roomCreate)
      return "room_not_found";
    if (!ROOM_NAME.test(name)) return "invalid_room_name";
    const isFull = room?.isFullFor(claims.kind) === true && room.participant(claims.identity) === undefined;
    return this.closedTo(name, claims) ?? (isFull ? "room_full" : null);
  }

  /** Why a room, or one that a join would create, is closed to these claims, though their token is good for it. */
  closedTo(name: string, claims: Claims): DoorRefusal | "banned" | "forbidden" | null {
    const { identity } = claims;
    if (this.#revocations.bars(claims, name)) return "forbidden";
    if (this.#bans.bars(name, identity)) return "banned";
    const room = this.get(name);
    const present = room?.participant(identity);
    const isInside = present !== undefined && present.source === null;
    if (isInside || mayAdminister(claims, name)) return null;
    if (room !== undefined) return room.refusalOf(identity);
    return this.#defaults.lobby ? "awaiting_admission" : null;
  }

  /** The same; who has to be admitted waits in the lobby afterwards, in a room that is created as by a join. */
  knock(name: string, claims: Claims): JoinError | null {
    const refusal = this.check(name, claims);
    if (refusal === "awaiting_admission") this.#roomFor(name, claims).knock(claims);
    return refusal;
  }

  /**
   * Joins the room that the token names. It is created when the token grants that, or with `autoCreate`, as the token
   * configures it; one that exists stays as it is. `former`: the participant of this identity, for whom the caller has made
   * the checks, that has just been replaced by this one: it takes its place even in a full room, and its permission where
   * that was changed.
   */
  join(name: string, claims: Claims, former: Participant | null = null): Result<Participant, JoinError> {
    const refusal = former === null ? this.check(name, claims) : null;
    if (refusal !== null) return fail(refusal);
    return ok(this.#roomFor(name, claims).join(claims, former));
  }

  /**
   * Moves a participant to another room, which is created if it does not exist and `autoCreate` allows it. Its media
   * continues: the old room loses its tracks, the new one receives them, and it receives the new room's.
   */
  move(participant: Participant, destination: string): Result<Room, MoveError> {
    if (participant.source !== null) return fail("forwarded");
    const standIn = this.#standIn(participant, destination);
    const admitted = this.#admit(participant, destination, standIn);
    if (!admitted.ok) return admitted;
    standIn?.leave("moved");
    // Who may move somebody may admit it.
    admitted.value.lobby.decide(participant.identity, true);
    participant.moveTo(admitted.value);
    return admitted;
  }

  /**
   * Forwards a participant to another room, which is created if it does not exist and `autoCreate` allows it, with what
   * it publishes now and later. Does nothing where it is forwarded there already. For one that is itself forwarded, its
   * source is forwarded.
   */
  forward(participant: Participant, destination: string): Result<Room, MoveError> {
    const source = participant.source ?? participant;
    const present = this.#standIn(source, destination);
    if (present !== undefined) return ok(present.room);
    const admitted = this.#admit(source, destination, undefined);
    if (admitted.ok) ForwardedParticipant.enter(admitted.value, source);
    return admitted;
  }

  /** The bans of a room, which need not exist. */
  bansOf(name: string): readonly Ban[] {
    return this.#bans.of(name);
  }

  /** Removes `identity` from a room, which need not exist, and keeps it out until `untilMs`; for ever if null. */
  ban(name: string, identity: string, untilMs: number | null): Result<Ban, BanError> {
    const banned = this.#bans.add(name, identity, untilMs);
    const room = this.get(name);
    if (!banned.ok || room === undefined) return banned;
    room.participant(identity)?.leave("participant_removed");
    room.lobby.onRemoved(identity);
    return banned;
  }

  unban(name: string, identity: string): Result<null, "ban_not_found"> {
    return this.#bans.remove(name, identity);
  }

  /**
   * Removes `identity` from a room, which need not exist, and lets it in only with tokens that are valid since
   * `beforeSeconds` (since 1970) or later.
   */
  revoke(name: string, identity: string, beforeSeconds: number): Result<null, "revoked_ahead"> {
    const revoked = this.#revocations.add(name, identity, beforeSeconds);
    if (revoked.ok) this.get(name)?.participant(identity)?.leave("participant_removed");
    return revoked;
  }

  /** The forwarded participant that represents `participant` in another room. */
  #standIn(participant: Participant, room: string): Participant | undefined {
    const present = this.get(room)?.participant(participant.identity);
    return present?.source === participant ? present : undefined;
  }

  /** The room that can admit `participant` with its tracks, in place of `standIn`. */
  #admit(participant: Participant, room: string, standIn: Participant | undefined): Result<Room, MoveError> {
    if (participant.room.id === room) return fail("same_room");
    if (this.#bans.bars(room, participant.identity)) return fail("banned");
    if (this.#draining) return fail("draining");
    const present = this.get(room);
    if (present === undefined && !this.#defaults.autoCreate) return fail("room_not_found");
    if (!ROOM_NAME.test(room)) return fail("invalid_room_name");
    const { e2ee, maxTracksPerParticipant } = this.rulesOf(room);
    const { tracks } = participant;
    if (present?.participant(participant.identity) !== standIn) return fail("identity_taken");
    if (present?.isFullFor(participant.kind) && standIn === undefined) return fail("room_full");
    if (e2ee === "required" && tracks.some(({ section }) => section.encryption === "none")) {
      return fail("e2ee_required");
    }
    if (tracks.length > maxTracksPerParticipant) return fail("too_many_tracks");
    return ok(present ?? this.#open(room as RoomId, {}));
  }

  /** From now on nobody new can join; those who are here stay. */
  drain(): void {
    this.#draining = true;
  }

  /** The server shuts down. */
  deleteAll(): void {
    for (const room of this.list) room.delete("server_shutdown");
  }

  #roomFor(name: string, { roomConfig }: Claims): Room {
    return this.get(name) ?? this.#open(name as RoomId, optionsOf(roomConfig));
  }

  #open(id: RoomId, options: Partial<RoomOptions>): Room {
    const { autoCreate: _, ...defaults } = this.#defaults;
    const room = new Room(
      id,
      { ...defaults, metadata: "", locked: false, ...options },
      this.#surroundings,
      () => this.#rooms.delete(id),
    );
    this.#rooms.set(id, room);
    room.events.on((event) => this.events.emit(event));
    room.log.info({ options: loggedOptions(room.options) }, "room created");
    room.events.emit({ kind: "room.started", room });
    return room;
  }
}

/** The options that are set. */
function optionsOf(config: RoomConfig): Partial<RoomOptions> {
  const { emptyTimeout, departureTimeout, maxParticipants, metadata } = config;
  return {
    metadata,
    ...(emptyTimeout > 0 && { emptyTimeoutSeconds: emptyTimeout }),
    ...(departureTimeout > 0 && { departureTimeoutSeconds: departureTimeout }),
    ...(maxParticipants > 0 && { maxParticipants }),
  };
}

export function mayJoin({ grants }: Claims, room: string): boolean {
  return grants.roomJoin && grants.room === room;
}

export function mayAdminister({ grants }: Claims, room: string): boolean {
  return grants.roomAdmin && grants.room === room;
}
