/** A conference: its participants, its rules, and the media threads it lives in. */
import type { Logger } from "pino";
import type { RoomId, SubscriptionId, TrackId } from "../base/ids.ts";
import type { Fingerprint } from "../contract/media.ts";
import type { Claims } from "./access-token.ts";
import type { Clock } from "./clock.ts";
import type { MediaThread, MediaThreads, RoomStats } from "./media-threads.ts";
import { Participant } from "./participant.ts";
import { fail, ok, type Result } from "./result.ts";
import { RoomEvents } from "./room-events.ts";
import type { Subscription } from "./subscription.ts";
import type { Track } from "./track.ts";
import type { CloseReason } from "./transport.ts";

export interface RoomOptions {
  readonly maxParticipants: number;
  readonly maxTracksPerParticipant: number;
  /** How long a room without participants is kept. */
  readonly emptyTimeoutSeconds: number;
  /** `required`: a track whose publisher does not declare end-to-end encryption is refused. */
  readonly e2ee: "required" | "optional";
}

/** What every room of a server shares. */
export interface RoomSurroundings {
  readonly threads: MediaThreads;
  /** How many transports of one room a thread takes before the next go to another. */
  readonly transportsPerThread: number;
  /** Of the certificate that the DTLS thread presents now: a thread that replaces another brings its own. */
  readonly fingerprint: () => Fingerprint;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a room has in one media thread. */
interface Placement {
  transports: number;
  readonly forgetExit: () => void;
}

export class Room {
  readonly id: RoomId;
  readonly createdAtMs: number;
  readonly log: Logger;
  readonly events = new RoomEvents();
  readonly #surroundings: RoomSurroundings;
  readonly #forget: () => void;
  readonly #participants = new Map<string, Participant>();
  #options: RoomOptions;
  /** Where its transports are: mostly one thread, several when the room is large. */
  readonly #placements = new Map<MediaThread, Placement>();
  #deleted = false;
  #cancelEmpty: () => void = () => {};

  /** `forget`: called once, when the room begins to end, so that nobody enters it any more. */
  constructor(id: RoomId, options: RoomOptions, surroundings: RoomSurroundings, forget: () => void) {
    this.id = id;
    this.createdAtMs = surroundings.clock.nowMs();
    this.log = surroundings.log.child({ roomId: id });
    this.#surroundings = surroundings;
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
    return this.#surroundings.fingerprint();
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
    const all = await Promise.all([...this.#placements.keys()].map((thread) => thread.stats(this.id)));
    const answers = all.filter((stats) => stats !== undefined);
    if (answers.length < all.length) return undefined;
    return {
      upTracks: answers.flatMap(({ upTracks }) => upTracks),
      downTracks: answers.flatMap(({ downTracks }) => downTracks),
    };
  }

  /** New rules hold for what happens from now on: nobody is thrown out by them. */
  setOptions(change: Partial<RoomOptions>): void {
    this.#options = { ...this.#options, ...change };
    this.log.info({ options: this.#options }, "room changed");
    this.events.emit({ kind: "room.changed", room: this });
    if (this.#participants.size === 0) this.#startEmptyTimeout();
  }

  /** The caller has checked that `claims` may join. A second join of one identity returns the same record. */
  join(claims: Claims): Result<Participant, "room_full"> {
    const present = this.#participants.get(claims.identity);
    if (present !== undefined) {
      present.rejoin(claims);
      return ok(present);
    }
    if (this.#participants.size >= this.#options.maxParticipants) return fail("room_full");
    const participant = new Participant(this, claims);
    this.#participants.set(participant.identity, participant);
    this.#cancelEmpty();
    this.log.info({ participantId: participant.id, identity: participant.identity }, "participant joined");
    this.events.emit({ kind: "participant.joined", participant });
    return ok(participant);
  }

  /**
   * The media thread for one more transport, until `vacate`: one that has the room already, while its share of the room
   * is small, else the least loaded. Undefined when no thread is alive.
   */
  occupy(): MediaThread | undefined {
    const { threads, transportsPerThread } = this.#surroundings;
    const [present] = [...this.#placements].find(([, one]) => one.transports < transportsPerThread) ?? [];
    const thread = present ?? threads.leastLoaded();
    if (thread === undefined) return undefined;
    const placement = this.#placements.get(thread);
    if (placement !== undefined) placement.transports += 1;
    else {
      const forgetExit = thread.onExit(() => this.#onThreadExit(thread));
      this.#placements.set(thread, { transports: 1, forgetExit });
    }
    return thread;
  }

  /** A transport in `thread` has closed. */
  vacate(thread: MediaThread): void {
    const placement = this.#placements.get(thread);
    if (placement === undefined) return;
    placement.transports -= 1;
    if (placement.transports > 0) return;
    placement.forgetExit();
    this.#placements.delete(thread);
  }

  /** Ends the room and sends everybody away. */
  delete(reason: "room_deleted" | "server_shutdown" = "room_deleted"): void {
    if (this.#deleted) return;
    this.#deleted = true;
    this.#forget();
    for (const participant of this.participants) participant.leave(reason);
    this.#cancelEmpty();
    this.log.info("room deleted");
    this.events.emit({ kind: "room.finished", room: this });
  }

  onLeft(participant: Participant, reason: CloseReason): void {
    this.#participants.delete(participant.identity);
    this.log.info({ participantId: participant.id, reason }, "participant left");
    this.events.emit({ kind: "participant.left", participant, reason });
    if (this.#participants.size === 0 && !this.#deleted) this.#startEmptyTimeout();
  }

  /** A track came, went or changed codec: every watching transport deals again. */
  onTracksChanged(): void {
    if (this.#deleted) return;
    const tracks = this.tracks();
    for (const participant of this.participants) {
      for (const transport of participant.transports) transport.deal(tracks);
    }
  }

  /** The others of the room stay where they are. */
  #onThreadExit(thread: MediaThread): void {
    this.#placements.delete(thread);
    for (const participant of this.participants) participant.onThreadExit(thread);
  }

  #startEmptyTimeout(): void {
    this.#cancelEmpty();
    this.#cancelEmpty = this.clock.after(this.#options.emptyTimeoutSeconds * 1000, () => this.delete());
  }
}
