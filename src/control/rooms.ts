/** All rooms of this server, and who may enter them. */
import type { RoomId } from "../base/ids.ts";
import type { Claims } from "./access-token.ts";
import { ForwardedParticipant } from "./forwarded-participant.ts";
import type { Participant } from "./participant.ts";
import type { RoomRules } from "./publishing.ts";
import { fail, ok, type Result } from "./result.ts";
import { isMetadata, Room, type RoomOptions, type RoomSurroundings } from "./room.ts";
import { RoomEvents } from "./room-events.ts";

export interface RoomDefaults extends Omit<RoomOptions, "metadata"> {
  /** Whether the first who joins makes the room. */
  readonly autoCreate: boolean;
}

export type JoinError =
  | "forbidden"
  | "identity_required"
  | "invalid_room_name"
  | "room_not_found"
  | "room_full"
  | "draining";

export type MoveError =
  | "forwarded"
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

/** Letters, digits, punctuation, spaces: anything that can be seen and printed. `.` and `..` would vanish from URLs. */
const ROOM_NAME = /^(?!\.{1,2}$)[^\p{C}]{1,128}$/u;

export class Rooms {
  /** Of all rooms. */
  readonly events = new RoomEvents();
  readonly #defaults: RoomDefaults;
  readonly #surroundings: RoomSurroundings;
  readonly #rooms = new Map<RoomId, Room>();
  #draining = false;

  constructor(defaults: RoomDefaults, surroundings: RoomSurroundings) {
    this.#defaults = defaults;
    this.#surroundings = surroundings;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Whether there are threads for sessions: for their media, and for their handshakes. */
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

  /** The rules of a room, or those that it would have if somebody joined it now. */
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
    if (!mayJoin(claims, name)) return "forbidden";
    if (claims.identity === "") return "identity_required";
    if (this.#draining) return "draining";
    const room = this.get(name);
    if (room !== undefined)
      return room.full && room.participant(claims.identity) === undefined ? "room_full" : null;
    if (!this.#defaults.autoCreate && !claims.grants.roomCreate) return "room_not_found";
    return ROOM_NAME.test(name) ? null : "invalid_room_name";
  }

  /**
   * Enters the room that the token names. Whoever may create rooms makes it, and so does anyone with `autoCreate`. `isBack`: as
   * of `Room.join`; the caller has checked before.
   */
  join(name: string, claims: Claims, isBack = false): Result<Participant, JoinError> {
    const refusal = isBack ? null : this.check(name, claims);
    if (refusal !== null) return fail(refusal);
    return (this.get(name) ?? this.#open(name as RoomId, {})).join(claims, isBack);
  }

  /**
   * Takes a participant to another room, which is made if need be and allowed. Its media goes on: those who stay behind
   * lose it, those who are there receive it, and it receives them.
   */
  move(participant: Participant, destination: string): Result<Room, MoveError> {
    if (participant.source !== null) return fail("forwarded");
    const standIn = this.#standIn(participant, destination);
    const admitted = this.#admit(participant, destination, standIn);
    if (!admitted.ok) return admitted;
    standIn?.leave("moved");
    participant.moveTo(admitted.value);
    return admitted;
  }

  /**
   * Shows a participant in another room as well, which is made if need be and allowed, with what it publishes now and
   * later. One that is there already goes on to be. Of one that is itself forwarded, the origin is.
   */
  forward(participant: Participant, destination: string): Result<Room, MoveError> {
    const source = participant.source ?? participant;
    const present = this.#standIn(source, destination);
    if (present !== undefined) return ok(present.room);
    const admitted = this.#admit(source, destination, undefined);
    if (admitted.ok) ForwardedParticipant.enter(admitted.value, source);
    return admitted;
  }

  /** Who stands for `participant` in another room. */
  #standIn(participant: Participant, room: string): Participant | undefined {
    const present = this.get(room)?.participant(participant.identity);
    return present?.source === participant ? present : undefined;
  }

  /** The room that takes in `participant` with its tracks, in the place of `standIn`. */
  #admit(participant: Participant, room: string, standIn: Participant | undefined): Result<Room, MoveError> {
    if (participant.room.id === room) return fail("same_room");
    if (this.#draining) return fail("draining");
    const present = this.get(room);
    if (present === undefined && !this.#defaults.autoCreate) return fail("room_not_found");
    if (!ROOM_NAME.test(room)) return fail("invalid_room_name");
    const { e2ee, maxTracksPerParticipant } = this.rulesOf(room);
    const { tracks } = participant;
    if (present?.participant(participant.identity) !== standIn) return fail("identity_taken");
    if (present?.full && standIn === undefined) return fail("room_full");
    if (e2ee === "required" && tracks.some(({ section }) => section.encryption === "none")) {
      return fail("e2ee_required");
    }
    if (tracks.length > maxTracksPerParticipant) return fail("too_many_tracks");
    return ok(present ?? this.#open(room as RoomId, {}));
  }

  /** From now on nobody new comes in; those who are here stay. */
  drain(): void {
    this.#draining = true;
  }

  /** The server ends. */
  deleteAll(): void {
    for (const room of this.list) room.delete("server_shutdown");
  }

  #open(id: RoomId, options: Partial<RoomOptions>): Room {
    const { autoCreate: _, ...defaults } = this.#defaults;
    const room = new Room(id, { ...defaults, metadata: "", ...options }, this.#surroundings, () =>
      this.#rooms.delete(id),
    );
    this.#rooms.set(id, room);
    room.events.on((event) => this.events.emit(event));
    room.log.info({ options: room.options }, "room created");
    room.events.emit({ kind: "room.started", room });
    return room;
  }
}

export function mayJoin({ grants }: Claims, room: string): boolean {
  return grants.roomJoin && grants.room === room;
}

export function mayAdminister({ grants }: Claims, room: string): boolean {
  return grants.roomAdmin && grants.room === room;
}
