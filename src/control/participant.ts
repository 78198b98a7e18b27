/** One identity in a room: a single record, however many transports it has opened. */
import { isDeepStrictEqual } from "node:util";
import type { ParticipantId } from "../base/ids.ts";
import type { Claims, Permission } from "./access-token.ts";
import type { MediaThread } from "./media-threads.ts";
import { randomId } from "./random.ts";
import { fail, ok, type Result } from "./result.ts";
import type { Room } from "./room.ts";
import type { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";
import { type CloseReason, Transport, type TransportOptions } from "./transport.ts";

/** What a participant is in its room: from its latest token. */
export interface Profile {
  readonly name: string;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly permission: Permission;
}

/**
 * How long a participant without a transport stays. Larger: those who left are listed longer. Smaller: a client that
 * replaces its transport is seen to leave and come back.
 */
const GRACE_MS = 5_000;

/**
 * A client needs one transport, or two when it publishes and subscribes apart; but the viewers of a broadcast are often
 * given one token for all. Larger: one token holds more of a thread. Smaller: broadcasts need a token a viewer earlier.
 */
const MAX_TRANSPORTS = 256;

export class Participant {
  readonly id = randomId<ParticipantId>("PA");
  readonly room: Room;
  readonly identity: string;
  readonly joinedAtMs: number;
  readonly #transports = new Set<Transport>();
  #profile: Profile;
  #active = false;
  #left = false;
  #cancelGrace: () => void = () => {};

  constructor(room: Room, claims: Claims) {
    this.room = room;
    this.identity = claims.identity;
    this.joinedAtMs = room.clock.nowMs();
    this.#profile = profileOf(claims);
    this.#startGrace("never_connected");
  }

  /** Whether it has been connected. */
  get active(): boolean {
    return this.#active;
  }

  get profile(): Profile {
    return this.#profile;
  }

  get transports(): Iterable<Transport> {
    return this.#transports;
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

  /** The same identity joined once more, with a token that may say other things about it. */
  rejoin(claims: Claims): void {
    const before = this.#profile;
    this.#profile = profileOf(claims);
    if (isDeepStrictEqual(this.#profile, before)) return;
    this.room.events.emit({ kind: "participant.changed", participant: this, before });
  }

  /** One of its transports is connected. */
  activate(): void {
    if (this.#active || this.#left) return;
    this.#active = true;
    this.room.events.emit({ kind: "participant.active", participant: this });
  }

  openTransport(
    options: TransportOptions,
  ): Result<Transport, "no_capacity" | "too_many_transports" | "left"> {
    if (this.#left) return fail("left");
    if (this.#transports.size >= MAX_TRANSPORTS) return fail("too_many_transports");
    const thread = this.room.occupy();
    if (thread === undefined) return fail("no_capacity");
    this.#cancelGrace();
    const transport = new Transport(this, thread, this.room.fingerprint, options);
    this.#transports.add(transport);
    this.room.log.info(
      { participantId: this.id, transportId: transport.id, thread: thread.index },
      "transport opened",
    );
    return ok(transport);
  }

  onTransportClosed(transport: Transport, reason: CloseReason): void {
    this.#transports.delete(transport);
    this.room.vacate(transport.thread);
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

  #startGrace(reason: CloseReason): void {
    this.#cancelGrace = this.room.clock.after(GRACE_MS, () => this.leave(reason));
  }
}

function profileOf({ name, metadata, attributes, grants }: Claims): Profile {
  const { canPublish, canSubscribe, canPublishData, canPublishSources, canUpdateOwnMetadata, hidden } =
    grants;
  const permission = {
    canPublish,
    canSubscribe,
    canPublishData,
    canPublishSources,
    canUpdateOwnMetadata,
    hidden,
  };
  return { name, metadata, attributes, permission };
}
