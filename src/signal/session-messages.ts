/** The first and the last message of a signal connection. */
import {
  CandidateProtocol,
  ClientConfigSetting,
  ClientConfiguration,
  Codec,
  ICEServer,
  JoinResponse,
  LeaveRequest,
  LeaveRequest_Action,
  ReconnectResponse,
  ServerInfo,
  ServerInfo_Edition,
} from "@livekit/protocol";
import type { IceServers } from "../control/ice-servers.ts";
import type { Participant } from "../control/participant.ts";
import type { CloseReason } from "../control/transport.ts";
import { participantInfo, REASONS } from "../livekit/participant-info.ts";
import { roomInfo } from "../livekit/room-info.ts";
import { PING_INTERVAL_SECONDS, PING_TIMEOUT_SECONDS } from "./signal-link.ts";

/**
 * The level of LiveKit's server protocol that we speak. Clients enable features by this number: above 1.13.6 they send
 * simulcast of SVC codecs, from 1.8.0 on they use RPC.
 */
const PROTOCOL_LEVEL = "1.13.6";
const PROTOCOL = 17;

/** In the order in which a client falls back when it lacks the codec that it was asked for. */
const PUBLISH_CODECS = ["video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus"];

const serverInfo = (): ServerInfo =>
  new ServerInfo({
    edition: ServerInfo_Edition.Standard,
    version: PROTOCOL_LEVEL,
    protocol: PROTOCOL,
    debugInfo: "Blindfold, which implements the LiveKit client protocol",
  });

/** How the client is to connect. `path`: with TLS, only through TURN, where there is any. */
function connectivity(
  identity: string,
  iceServers: IceServers,
  path: CandidateProtocol,
): Pick<JoinResponse, "iceServers" | "clientConfiguration"> {
  const overTls = path === CandidateProtocol.TLS;
  const servers = iceServers.for(identity, overTls);
  const relays = overTls && servers.some(({ credentials }) => credentials !== undefined);
  return {
    iceServers: servers.map(({ urls, credentials }) => new ICEServer({ urls: [...urls], ...credentials })),
    ...(relays && {
      clientConfiguration: new ClientConfiguration({ forceRelay: ClientConfigSetting.ENABLED }),
    }),
  };
}

export interface JoinFacts {
  readonly participant: Participant;
  readonly others: readonly Participant[];
  readonly iceServers: IceServers;
  readonly path: CandidateProtocol;
  /** The client counts as connected when the connection on which it receives is. */
  readonly subscriberPrimary: boolean;
}

export function joinResponse({
  participant,
  others,
  iceServers,
  path,
  subscriberPrimary,
}: JoinFacts): JoinResponse {
  return new JoinResponse({
    ...connectivity(participant.identity, iceServers, path),
    room: roomInfo(participant.room),
    participant: participantInfo(participant),
    otherParticipants: others.map(participantInfo),
    subscriberPrimary,
    pingInterval: PING_INTERVAL_SECONDS,
    pingTimeout: PING_TIMEOUT_SECONDS,
    serverInfo: serverInfo(),
    serverVersion: PROTOCOL_LEVEL,
    enabledPublishCodecs: PUBLISH_CODECS.map((mime) => new Codec({ mime })),
    fastPublish: participant.profile.permission.canPublish,
  });
}

/** `lastMessageSeq`: of the last reliable data packet that arrived; the client sends later ones again. */
export function reconnectResponse(
  { identity }: Participant,
  iceServers: IceServers,
  path: CandidateProtocol,
  lastMessageSeq: number,
): ReconnectResponse {
  return new ReconnectResponse({
    ...connectivity(identity, iceServers, path),
    serverInfo: serverInfo(),
    lastMessageSeq,
  });
}

/** Reasons that are not the client's: it is to reconnect with a new session, and to publish its tracks again. */
const COME_BACK: readonly CloseReason[] = ["connection_failed", "media_thread_exited", "server_shutdown"];

export function leaveRequest(reason: CloseReason): LeaveRequest {
  const comesBack = COME_BACK.includes(reason);
  return new LeaveRequest({
    reason: REASONS[reason],
    action: comesBack ? LeaveRequest_Action.RECONNECT : LeaveRequest_Action.DISCONNECT,
    canReconnect: comesBack,
  });
}
