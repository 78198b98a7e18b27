/**
 * LiveKit's client protocol over control: its sessions, how they resume, and the notifications about their rooms. The
 * protocol without HTTP; `http/routes/signal.ts` carries it over WebSockets.
 */
import { isDeepStrictEqual } from "node:util";
import {
  DisconnectReason,
  LeaveRequest,
  LeaveRequest_Action,
  ParticipantUpdate,
  RoomUpdate,
  TrackSubscribed,
} from "@livekit/protocol";
import type { AccessTokens, Claims } from "../control/access-token.ts";
import type { Clock } from "../control/clock.ts";
import type { IceServers } from "../control/ice-servers.ts";
import type { Participant } from "../control/participant.ts";
import { type Profile, type ProfileError, ProfileRecord } from "../control/profile.ts";
import { ok, type Result } from "../control/result.ts";
import type { Room } from "../control/room.ts";
import type { RoomEvent } from "../control/room-events.ts";
import { type JoinError, mayJoin, type Rooms } from "../control/rooms.ts";
import type { Track, TrackEndReason } from "../control/track.ts";
import type { CloseReason } from "../control/transport.ts";
import { setClient } from "../livekit/client-facts.ts";
import { departedInfo, REASONS } from "../livekit/participant-info.ts";
import { roomInfo } from "../livekit/room-info.ts";
import { ClientSession, type SessionHost } from "./client-session.ts";
import { Departures } from "./departures.ts";
import { EndedSessions } from "./ended-sessions.ts";
import { ForcedPaths } from "./forced-paths.ts";
import { type Encoding, ResponseFrame } from "./frames.ts";
import type { JoinParams } from "./join-request.ts";
import { ParticipantUpdates } from "./participant-updates.ts";
import { onRequest } from "./requests.ts";
import { RoomWatch } from "./room-watch.ts";
import type { DataNeighbours } from "./session-data.ts";
import { isShown } from "./shown.ts";
import { type LinkEnd, SignalLink, type SignalMeter, type Wire } from "./signal-link.ts";

/** What the carrier of a connection (a WebSocket) reports. */
export interface Connection {
  receive(data: Uint8Array, encoding: Encoding): void;
  onClosed(): void;
}

/** `session_over`: the session to resume was ended for good, or its identity has joined again since. */
export type ConnectError = JoinError | "session_over";

export class SignalSessions {
  readonly #rooms: Rooms;
  readonly #clock: Clock;
  readonly #meter: SignalMeter;
  readonly #host: SessionHost;
  readonly #sessions = new Map<Participant, ClientSession>();
  /** For each room with a session. */
  readonly #watches = new Map<Room, RoomWatch>();
  readonly #updates: ParticipantUpdates;
  readonly #departures: Departures;
  readonly #ended: EndedSessions;
  /** Tracks whose publisher was notified of a subscriber. */
  readonly #subscribed = new WeakSet<Track>();

  constructor(rooms: Rooms, iceServers: IceServers, tokens: AccessTokens, clock: Clock, meter: SignalMeter) {
    this.#rooms = rooms;
    this.#clock = clock;
    this.#meter = meter;
    this.#departures = new Departures(clock);
    this.#ended = new EndedSessions(clock);
    this.#host = {
      iceServers,
      forcedPaths: new ForcedPaths(clock),
      tokens,
      neighboursOf: (participant) => this.#neighboursOf(participant),
      isBehind: ({ room }) => this.#watches.get(room)?.wanting.isPending === true,
      departedFor: (participant) => this.#departures.for(participant),
      onSubscribed: (track, subscriber) => {
        if (isShown(subscriber)) this.#onSubscribed(track);
      },
    };
    this.#updates = new ParticipantUpdates(clock, (participant, frame) => this.#tellAll(participant, frame));
    rooms.events.on((event) => this.#onEvent(event));
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Why `connect()` would not let these claims in. Who has to be admitted waits in the room's lobby afterwards. */
  check(claims: Claims, params?: Pick<JoinParams, "resumes">): ConnectError | null {
    const { room } = claims.grants;
    if (params !== undefined && params.resumes !== "" && mayJoin(claims, room)) {
      // A session that is resumed is in a room already, perhaps after a move, and needs no further place.
      if (this.#resumed(claims, params) !== undefined) return null;
      if (this.#endOf(claims, params) !== undefined) return "session_over";
    }
    return this.#rooms.knock(room, claims);
  }

  /** Handles a new connection, whose token was verified. */
  connect(claims: Claims, params: JoinParams, wire: Wire): Connection {
    let session: ClientSession | undefined;
    let ended: LinkEnd | "lost" | undefined;
    const link: SignalLink = new SignalLink(
      wire,
      this.#clock,
      {
        onRequest: (request) => session !== undefined && onRequest(session, request),
        onEnd: (reason) => {
          ended = reason;
          session?.onLinkEnd(link, reason);
        },
      },
      this.#meter,
      params.singleConnection ? "v1" : "v0",
    );
    session = params.resumes === "" ? this.#join(claims, params, link) : this.#resume(claims, params, link);
    // The connection ended while it was being answered.
    if (ended !== undefined) session?.onLinkEnd(link, ended);
    return link;
  }

  #join(claims: Claims, params: JoinParams, link: SignalLink): ClientSession | undefined {
    const { room } = claims.grants;
    const present = this.#rooms.get(room)?.participant(claims.identity);
    const speaking = withOwnWords(claims, params);
    const former = present !== undefined && speaking.ok && this.check(claims) === null ? present : null;
    former?.leave("duplicate_identity");
    const joined = speaking.ok ? this.#rooms.join(room, speaking.value, former) : speaking;
    if (!joined.ok) {
      refuse(link, DisconnectReason.JOIN_FAILURE, LeaveRequest_Action.DISCONNECT);
      return undefined;
    }
    const participant = joined.value;
    setClient(participant, params.client);
    const session = new ClientSession(participant, claims, params, this.#host, link);
    this.#sessions.set(participant, session);
    const watch = this.#watch(participant.room);
    session.start();
    const speakers = watch.speakers();
    if (speakers !== null) session.sendFrame(speakers);
    return session;
  }

  /** Resumes a session, for the same identity only; undefined when there is none, and the client has to join anew. */
  #resume(claims: Claims, params: JoinParams, link: SignalLink): ClientSession | undefined {
    const session = this.check(claims, params) === null ? this.#resumed(claims, params) : undefined;
    if (session === undefined) {
      const end = this.#endOf(claims, params);
      if (end !== undefined) refuse(link, REASONS[end], LeaveRequest_Action.DISCONNECT);
      else refuse(link, DisconnectReason.STATE_MISMATCH, LeaveRequest_Action.RECONNECT);
      return undefined;
    }
    // Before the resume: requests that come with it may end the session, and with it the room's watch.
    const watch = this.#watch(session.participant.room);
    session.resume(link, params, claims.grants.room);
    session.sendFrame(watch.voices());
    return session;
  }

  /** Why the client must not reconnect by itself after the end of its session. */
  #endOf({ identity, grants }: Claims, { resumes }: Pick<JoinParams, "resumes">): CloseReason | undefined {
    const present = this.#rooms.get(grants.room)?.participant(identity);
    // Its session was replaced while it was not connected, however long ago. Otherwise the two clients would keep
    // replacing each other.
    if (present !== undefined && this.#sessions.has(present)) return "duplicate_identity";
    return this.#ended.reasonOf(resumes);
  }

  #resumed(
    { identity, grants }: Claims,
    { resumes }: Pick<JoinParams, "resumes">,
  ): ClientSession | undefined {
    const isMeant = ({ participant }: ClientSession): boolean =>
      participant.id === resumes && participant.identity === identity;
    const present = this.#rooms.get(grants.room)?.participant(identity);
    const here = present && this.#sessions.get(present);
    if (here !== undefined && isMeant(here)) return here;
    return [...this.#sessions.values()].find((session) => isMeant(session) && session.isOfRoom(grants.room));
  }

  #onEvent(event: RoomEvent): void {
    const { room } = event;
    switch (event.kind) {
      case "room.started":
      case "room.finished":
      case "lobby.knocked":
      case "track.suspect":
        return;
      case "room.changed":
        return this.#tellRoom(
          room,
          new ResponseFrame({ case: "roomUpdate", value: new RoomUpdate({ room: roomInfo(room) }) }),
        );
      case "participant.left":
        return this.#onLeft(event.participant, room, event.reason);
      case "participant.joined":
        this.#onJoined(event.participant, room);
        return this.#tellOf(event.participant, room);
      case "participant.active":
      case "participant.described":
        return this.#tellOf(event.participant, room);
      case "participant.changed":
        this.#tellOf(event.participant, room);
        return this.#onChanged(event.participant, room, event.before);
      case "participant.receives":
        return this.#sessions.get(event.participant)?.refreshWanted();
      case "participant.audience":
        return this.#refreshWanted(room);
      case "track.muted":
        this.#sessions.get(event.track.publisher)?.onOwnTrackMuted(event.track);
        return this.#tellOf(event.track.publisher, room);
      case "track.codec":
        for (const session of this.#in(room)) session.reception.onCodec(event.track);
        return this.#tellOf(event.track.publisher, room);
      case "track.described":
        return this.#tellOf(event.track.publisher, room);
      case "track.published":
        this.#tellOf(event.track.publisher, room);
        return this.#refreshWanted(room);
      case "track.unpublished":
        this.#onUnpublished(event.track, event.reason);
        this.#tellOf(event.track.publisher, room);
        return this.#refreshWanted(room);
      default:
        return event satisfies never;
    }
  }

  /** A participant that has a session already was moved here. */
  #onJoined(participant: Participant, room: Room): void {
    const session = this.#sessions.get(participant);
    if (session === undefined) return;
    void this.#onMoved(session, this.#watch(room), room);
  }

  async #onMoved(session: ClientSession, watch: RoomWatch, room: Room): Promise<void> {
    await session.onMoved();
    const speakers = watch.speakers();
    if (speakers !== null && session.participant.room === room) session.sendFrame(speakers);
  }

  #watch(room: Room): RoomWatch {
    const watch =
      this.#watches.get(room) ??
      new RoomWatch(
        room,
        (frame) => this.#tellRoom(room, frame),
        () => this.#refreshAll(room),
      );
    this.#watches.set(room, watch);
    watch.onArrival();
    return watch;
  }

  #endWatchIfEmpty(room: Room): void {
    if (this.#in(room).length > 0) return;
    this.#watches.get(room)?.end();
    this.#watches.delete(room);
  }

  #onChanged(participant: Participant, room: Room, before: Profile): void {
    const session = this.#sessions.get(participant);
    const { permission } = participant.profile;
    if (permission.hidden !== before.permission.hidden) {
      const watch = this.#watches.get(room);
      watch?.wanting.now();
      watch?.tellSpeakers();
      if (!permission.hidden)
        for (const track of session?.reception.received ?? []) this.#onSubscribed(track);
    } else session?.refreshWanted();
    if (permission.hidden && !before.permission.hidden) this.#tellGone(participant, room, "client_left");
    if (!isDeepStrictEqual(permission, before.permission)) session?.refreshToken();
  }

  /** It has left the room, or was hidden, which looks the same to others. */
  #tellGone(participant: Participant, room: Room, reason: CloseReason): void {
    const session = this.#sessions.get(participant);
    const info = departedInfo(participant, reason);
    this.#departures.add(room, info);
    const value = new ParticipantUpdate({ participants: [info] });
    const frame = new ResponseFrame({ case: "update", value });
    for (const other of this.#in(room)) if (other !== session) other.sendFrame(frame);
  }

  /**
   * A track that was moved with its publisher has not ended. A client whose transport was lost is told to leave, and
   * publishes again when it has reconnected: it must not be told before that its tracks have ended.
   */
  #onUnpublished(track: Track, reason: TrackEndReason): void {
    if (reason === "moved" || reason === "transport_closed") return;
    this.#sessions.get(track.publisher)?.onOwnTrackEnded(track, reason);
  }

  #onSubscribed(track: Track): void {
    if (this.#subscribed.has(track)) return;
    this.#subscribed.add(track);
    const value = new TrackSubscribed({ trackSid: track.id });
    this.#sessions.get(track.publisher)?.send({ case: "trackSubscribed", value });
  }

  #onLeft(participant: Participant, room: Room, reason: CloseReason): void {
    const session = this.#sessions.get(participant);
    if (session !== undefined && reason !== "moved") {
      this.#sessions.delete(participant);
      this.#ended.add(participant.id, reason);
      session.end(reason);
    }
    this.#endWatchIfEmpty(room);
    this.#updates.forget(participant);
    if (isShown(participant)) this.#tellGone(participant, room, reason);
    if (reason !== "moved") return;
    session?.data.tracks.onMoved();
    // Tracks of a moved participant do not end, so subscriptions to them are removed here.
    this.#watches.get(room)?.wanting.now();
  }

  #tellOf(participant: Participant, room: Room): void {
    if (room.participant(participant.identity) === participant) this.#updates.onChanged(participant);
  }

  /** Sends a participant's state to all who may see it. */
  #tellAll(participant: Participant, frame: ResponseFrame): void {
    if (isShown(participant)) this.#tellRoom(participant.room, frame);
    else this.#sessions.get(participant)?.sendFrame(frame);
  }

  #tellRoom(room: Room, frame: ResponseFrame): void {
    for (const session of this.#in(room)) session.sendFrame(frame);
  }

  /** Recomputes the wanted tracks of all clients in the room, soon. */
  #refreshWanted(room: Room): void {
    this.#watches.get(room)?.wanting.ask();
  }

  /** Returns how many tracks were checked, summed over all clients. */
  #refreshAll(room: Room): number {
    const tracks = room.tracks();
    const sessions = this.#in(room);
    for (const session of sessions) session.refreshWanted(tracks);
    return sessions.length * tracks.length;
  }

  #neighboursOf(participant: Participant): DataNeighbours {
    return {
      others: () =>
        this.#in(participant.room)
          .filter((session) => session.participant !== participant)
          .map(({ data }) => data),
      named: (identity) => {
        const named = participant.room.participant(identity);
        return named && this.#sessions.get(named)?.data;
      },
    };
  }

  #in(room: Room): ClientSession[] {
    return room.participants.flatMap((participant) => this.#sessions.get(participant) ?? []);
  }
}

/** A client that may change its metadata and attributes may also bring them with its join, within the same limits. */
function withOwnWords(claims: Claims, { metadata, attributes }: JoinParams): Result<Claims, ProfileError> {
  if (!claims.grants.canUpdateOwnMetadata) return ok(claims);
  const record = new ProfileRecord(claims);
  const changed = record.change({ ...(metadata !== "" && { metadata }), attributes });
  if (!changed.ok) return changed;
  const { value } = record;
  return ok({ ...claims, metadata: value.metadata, attributes: value.attributes });
}

function refuse(link: SignalLink, reason: DisconnectReason, action: LeaveRequest_Action): void {
  const canReconnect = action !== LeaveRequest_Action.DISCONNECT;
  const value = new LeaveRequest({ reason, action, canReconnect });
  link.send(new ResponseFrame({ case: "leave", value }));
  link.close("refused");
}
