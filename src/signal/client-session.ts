/**
 * One client of LiveKit's protocol in a room: its participant, its PeerConnections, and the signal connection that comes
 * and goes beneath them.
 *
 *              link lost                        grace over, or the participant left
 *     linked ──────────────▶ waiting ───────────────────────────────────▶ ended
 *       ▲  ◀───────────────── resume()                                     ▲
 *       └─────────────── the participant left, or the client says leave ───┘
 */
import type { SignalResponse } from "@livekit/protocol";
import {
  AddTrackRequest,
  type CandidateProtocol,
  MuteTrackRequest,
  type ParticipantInfo,
  ParticipantUpdate,
  RequestResponse,
  RequestResponse_Reason,
  RoomMovedResponse,
  RoomUpdate,
  StreamState,
  StreamStateInfo,
  StreamStateUpdate,
  SubscriptionError,
  SubscriptionPermissionUpdate,
  SubscriptionResponse,
  TrackPublishedResponse,
  TrackUnpublishedResponse,
  type UpdateTrackSettings,
} from "@livekit/protocol";
import type { TrackId } from "../base/ids.ts";
import type { AccessTokens, Claims } from "../control/access-token.ts";
import type { IceServers } from "../control/ice-servers.ts";
import type { Participant } from "../control/participant.ts";
import type { Track, TrackEndReason } from "../control/track.ts";
import type { CloseReason, Transport } from "../control/transport.ts";
import { requestOf } from "../livekit/client-facts.ts";
import { participantInfo } from "../livekit/participant-info.ts";
import { roomInfo } from "../livekit/room-info.ts";
import { type ClientPeers, DualPeers, type PeerHost, SinglePeer } from "./client-peers.ts";
import { OUR_CHANNELS } from "./data-link.ts";
import { candidatesFor, type ForcedPaths } from "./forced-paths.ts";
import { ResponseFrame } from "./frames.ts";
import type { JoinParams } from "./join-request.ts";
import { Publications } from "./publications.ts";
import { Reception } from "./reception.ts";
import { reconcile } from "./reconciliation.ts";
import { addTrack } from "./requests.ts";
import { type DataNeighbours, SessionData } from "./session-data.ts";
import { joinResponse, leaveRequest, reconnectResponse } from "./session-messages.ts";
import { SessionToken } from "./session-token.ts";
import { isShown } from "./shown.ts";
import type { LinkEnd, SignalLink } from "./signal-link.ts";
import { subscribedQuality } from "./subscribed-quality.ts";
import { Wishes } from "./wishes.ts";

/**
 * How long a participant stays after its signal connection is lost. Larger: those who are gone are seen for longer.
 * Smaller: a client that changes networks has to join anew.
 */
const RESUME_GRACE_MS = 20_000;

/**
 * How long after our answer a client knows the track. Longer: it shows for as long a track that nobody gets. Shorter: a
 * slow client ignores that the track has ended.
 */
const SETTLED_MS = 5_000;

/** Where a resumed connection is cut, for tests: after it was answered, or before. */
type ResumeCut = "answered" | "unanswered";

/** What all sessions share. */
export interface SessionHost {
  readonly iceServers: IceServers;
  readonly forcedPaths: ForcedPaths;
  readonly tokens: AccessTokens;
  /** Who is in the room of a participant, for the data that it sends. */
  neighboursOf(participant: Participant): DataNeighbours;
  /** Whether something has changed in its room that its clients have yet to be checked for. */
  isBehind(participant: Participant): boolean;
  /** Participants who have left its room recently, of which the client may not know. */
  departedFor(participant: Participant): ParticipantInfo[];
  /** `subscriber` receives a track, perhaps as the first to do so. */
  onSubscribed(track: Track, subscriber: Participant): void;
}

export class ClientSession {
  readonly participant: Participant;
  readonly publications: Publications;
  readonly reception: Reception;
  readonly peers: ClientPeers;
  readonly data: SessionData;
  readonly #params: JoinParams;
  readonly #host: SessionHost;
  readonly #token: SessionToken;
  readonly #wishes: Wishes;
  /** How it asked to be connected in an earlier session. */
  readonly #path: CandidateProtocol;
  /** Rooms in which the participant is or was: its client may not know yet that it was moved, and have an older token. */
  readonly #rooms: Set<string>;
  /** Token for the room to which it was last moved. */
  #movedToken: string | null = null;
  #link: SignalLink | null;
  #cutsResume: ResumeCut | null = null;
  #cancelGrace: () => void = () => {};

  constructor(
    participant: Participant,
    claims: Claims,
    params: JoinParams,
    host: SessionHost,
    link: SignalLink,
  ) {
    this.participant = participant;
    this.#params = params;
    this.#host = host;
    this.#link = link;
    this.#rooms = new Set([participant.room.id]);
    this.#path = host.forcedPaths.of(participant);
    participant.hold();
    this.#token = new SessionToken(host.tokens, claims, participant, (token) => {
      this.send({ case: "refreshToken", value: token });
    });
    this.publications = new Publications(participant, {
      onDemand: (track) => this.#onDemand(track),
      onWithdrawn: (id) => this.#unpublished(id, true),
    });
    this.#wishes = new Wishes(participant, params.autoSubscribe, (track, allowed) => {
      this.#onPermission(track, allowed);
    });
    this.reception = new Reception(
      {
        preferenceOf: (track) => this.#wishes.preferenceOf(track),
        onReceived: (track) => host.onSubscribed(track, participant),
        onHeldBack: (track, heldBack) => this.#onHeldBack(track, heldBack),
        onUndecodable: ({ id }) => this.onNotSubscribed(id, SubscriptionError.SE_CODEC_UNSUPPORTED),
      },
      params.singleConnection,
    );
    const peerHost: PeerHost = {
      participant,
      publications: this.publications,
      reception: this.reception,
      clock: participant.room.clock,
      candidatesOf: ({ server }) => candidatesFor(this.#path, server.candidates),
      send: (message) => this.send(message),
      onTransport: (transport) => this.#watch(transport),
      catchUp: () => this.#catchUp(),
      onData: (transport, section, opensChannels) => {
        this.data.link.open(transport, section, opensChannels ? OUR_CHANNELS : []);
      },
      onBroken: (error, detail) => this.#onBroken(error, detail),
    };
    this.peers = params.singleConnection ? new SinglePeer(peerHost) : new DualPeers(peerHost);
    this.data = new SessionData(participant, host.neighboursOf(participant), this.peers.subscriberPrimary);
  }

  /** Tells the client that it has joined, and processes the requests that came with its join. */
  start(): void {
    const { participant, peers } = this;
    const { subscriberPrimary } = peers;
    this.send({
      case: "join",
      value: joinResponse({
        participant,
        others: othersOf(participant),
        iceServers: this.#host.iceServers,
        path: this.#path,
        subscriberPrimary,
      }),
    });
    for (const request of this.#params.addTracks) addTrack(this, request);
    this.refreshWanted();
    if (this.#params.offer !== null) peers.offered(this.#params.offer);
    peers.start();
  }

  /** Whether the client may have got a token for this room from this session. */
  isOfRoom(room: string): boolean {
    return this.#rooms.has(room);
  }

  /** The client resumes with a new connection. `room`: the one in its token. */
  resume(link: SignalLink, params: JoinParams, room: string): void {
    const cut = this.#cutsResume;
    this.#cutsResume = null;
    if (cut === "unanswered") return link.close("replaced");
    this.#cancelGrace();
    const former = this.#link;
    this.#link = link;
    former?.close("replaced");
    this.send({
      case: "reconnect",
      value: reconnectResponse(this.participant, this.#host.iceServers, this.#path, this.data.lastSequence),
    });
    if (room !== this.participant.room.id && this.#movedToken !== null) this.#tellMoved(this.#movedToken);
    // Before the mute state is sent, so that the client does not take it for a mistake of the server's.
    for (const sid of this.publications.mutedByServer) this.#mute(sid, true);
    // It has missed who left meanwhile.
    const gone = this.#host.departedFor(this.participant);
    const shown = [this.participant, ...othersOf(this.participant)];
    this.send({
      case: "update",
      value: new ParticipantUpdate({ participants: [...gone, ...shown.map(participantInfo)] }),
    });
    this.send({ case: "roomUpdate", value: new RoomUpdate({ room: roomInfo(this.participant.room) }) });
    this.peers.resume();
    this.refreshWanted();
    this.refreshToken();
    if (params.offer !== null) this.peers.offered(params.offer);
    if (params.syncState !== null) reconcile(this, params.syncState);
    if (cut === "answered") this.participant.room.clock.after(0, () => this.cut());
  }

  /**
   * Sends again the states that are otherwise sent as they change: the client has resumed and may have missed any of them,
   * or it was moved, and has forgotten all that it knew of the others and their tracks.
   */
  retell(): void {
    for (const track of this.publications.videos) this.#onDemand(track);
    for (const track of this.reception.wanted) {
      if (track.section.kind === "video") this.#onHeldBack(track, this.reception.isHeldBack(track.id));
    }
    for (const track of this.participant.room.tracks()) {
      const allowed = this.#wishes.toldOf(track);
      if (allowed !== undefined) this.#onPermission(track, allowed);
    }
  }

  /** The connection has ended; ignored if it was already replaced. */
  onLinkEnd(link: SignalLink, reason: LinkEnd | "lost"): void {
    if (link !== this.#link) return;
    this.#link = null;
    const { room, id: participantId } = this.participant;
    room.log.info({ participantId, reason }, "signal connection ended");
    this.#cancelGrace = room.clock.after(RESUME_GRACE_MS, () => this.participant.leave("connection_failed"));
  }

  /** Its permissions have changed. */
  refreshToken(): void {
    void this.#token.refresh();
  }

  /** It was moved to another room. Resolves when the client knows, or will hear of a later move instead. */
  async onMoved(): Promise<void> {
    const { room } = this.participant;
    this.#rooms.add(room.id);
    const token = await this.#token.issue();
    // It may have been moved again meanwhile.
    if (this.participant.room !== room) return;
    this.#movedToken = token;
    this.#tellMoved(token);
    this.refreshWanted();
    this.retell();
  }

  /** The participant has left the room. */
  end(reason: CloseReason): void {
    this.#cancelGrace();
    this.send({ case: "leave", value: leaveRequest(reason) });
    this.#link?.close(reason === "server_shutdown" ? "server_shutdown" : "left");
    this.#link = null;
    this.#token.end();
    this.peers.end();
    this.data.end();
  }

  /** Cuts the signal connection as a network would. */
  cut(): void {
    this.#link?.close("replaced");
  }

  cutNextResume(where: ResumeCut): void {
    this.#cutsResume = where;
  }

  /** Connects the client this way from its next session on. */
  forcePath(protocol: CandidateProtocol): void {
    this.#host.forcedPaths.force(this.participant, protocol);
  }

  send(message: SignalResponse["message"]): void {
    this.sendFrame(new ResponseFrame(message));
  }

  sendFrame(frame: ResponseFrame): void {
    this.#link?.send(frame);
  }

  onAnnounced(cid: string, track: TrackPublishedResponse["track"]): void {
    this.send({
      case: "trackPublished",
      value: new TrackPublishedResponse({ cid, ...(track !== undefined && { track }) }),
    });
  }

  /** A track of its own was muted or unmuted, by the client or the server. */
  onOwnTrackMuted(track: Track): void {
    const { id, muted } = track;
    if (this.publications.isMuted(track) === muted) return;
    this.publications.onMutedByServer(track);
    this.#mute(id, muted);
  }

  onOwnTrackEnded(track: Track, reason: TrackEndReason): void {
    const isNew = this.publications.onEnded(track);
    // First, while the client still knows the track.
    if (reason === "not_encrypted") this.#onCut(track);
    this.#unpublished(track.id, isNew);
  }

  /** The client wants a track that it does not get. */
  onNotSubscribed(trackSid: string, err: SubscriptionError): void {
    this.send({ case: "subscriptionResponse", value: new SubscriptionResponse({ trackSid, err }) });
  }

  setTrackSettings(id: TrackId, settings: UpdateTrackSettings): void {
    this.#wishes.setSettings(id, settings);
    const subscription = this.reception.subscriptionOf(id);
    const track = subscription?.reserved ?? null;
    const preference = track && this.#wishes.preferenceOf(track);
    if (preference !== null) subscription?.prefer(preference);
  }

  /** Tracks, permissions or wishes have changed: what is to be received now? `present`: all that there is in its room. */
  refreshWanted(present: readonly Track[] = this.participant.room.tracks()): void {
    this.peers.want(this.#wishes.wanted(present));
  }

  #catchUp(): void {
    if (!this.#host.isBehind(this.participant)) return;
    this.reception.want(this.#wishes.wanted(this.participant.room.tracks()));
  }

  /**
   * `isNew`: the client may not know the track before it has processed our answer, and ignores messages about unknown
   * tracks.
   */
  #unpublished(trackSid: TrackId, isNew: boolean): void {
    const tell = (): void =>
      this.send({ case: "trackUnpublished", value: new TrackUnpublishedResponse({ trackSid }) });
    tell();
    if (isNew) this.participant.room.clock.after(SETTLED_MS, tell);
  }

  #tellMoved(token: string): void {
    const { participant } = this;
    this.send({
      case: "roomMoved",
      value: new RoomMovedResponse({
        room: roomInfo(participant.room),
        token,
        participant: participantInfo(participant),
        otherParticipants: othersOf(participant).map(participantInfo),
      }),
    });
  }

  #onCut(track: Track): void {
    const request = requestOf(track);
    const value = new RequestResponse({
      reason: RequestResponse_Reason.NOT_ALLOWED,
      message: "the track is declared to be end-to-end encrypted, and does not look so",
      request: { case: "addTrack", value: request ?? new AddTrackRequest() },
    });
    this.send({ case: "requestResponse", value });
  }

  #mute(sid: TrackId, muted: boolean): void {
    this.send({ case: "mute", value: new MuteTrackRequest({ sid, muted }) });
  }

  #onDemand(track: Track): void {
    const value = subscribedQuality(track);
    if (value !== null) this.send({ case: "subscribedQualityUpdate", value });
  }

  #onPermission({ id, publisher }: Track, allowed: boolean): void {
    const value = new SubscriptionPermissionUpdate({ participantSid: publisher.id, trackSid: id, allowed });
    this.send({ case: "subscriptionPermissionUpdate", value });
  }

  #onHeldBack({ id, publisher }: Track, heldBack: boolean): void {
    const state = heldBack ? StreamState.PAUSED : StreamState.ACTIVE;
    const info = new StreamStateInfo({ participantSid: publisher.id, trackSid: id, state });
    this.send({ case: "streamStateUpdate", value: new StreamStateUpdate({ streamStates: [info] }) });
  }

  #watch(transport: Transport): void {
    transport.onClosed((reason) => {
      if (reason === "connection_failed" || reason === "media_thread_exited") this.participant.leave(reason);
    });
  }

  #onBroken(error: string, detail: string | undefined): void {
    const { room, id: participantId } = this.participant;
    room.log.warn({ participantId, error, detail }, "negotiation failed");
    this.participant.leave("connection_failed");
  }
}

/** The others whom it may see in its room. */
function othersOf(participant: Participant): Participant[] {
  return participant.room.participants.filter((other) => other !== participant && isShown(other));
}
