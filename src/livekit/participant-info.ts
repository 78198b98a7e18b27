/** A participant as `livekit.ParticipantInfo` and `ParticipantPermission` of livekit_models.proto. */
import {
  DisconnectReason,
  ParticipantInfo,
  ParticipantInfo_Kind,
  ParticipantInfo_KindDetail,
  ParticipantInfo_State,
  ParticipantPermission,
  type TrackSource,
} from "@livekit/protocol";
import {
  type ParticipantKind,
  type Permission,
  type TrackSource as SourceName,
  TRACK_SOURCES,
} from "../control/access-token.ts";
import type { Participant } from "../control/participant.ts";
import type { CloseReason } from "../control/transport.ts";
import { clientOf, dataTracksOf } from "./client-facts.ts";
import { SOURCES, trackInfo } from "./track-info.ts";

export const REASONS: Readonly<Record<CloseReason, DisconnectReason>> = {
  client_left: DisconnectReason.CLIENT_INITIATED,
  replaced: DisconnectReason.CLIENT_INITIATED,
  never_connected: DisconnectReason.JOIN_FAILURE,
  duplicate_identity: DisconnectReason.DUPLICATE_IDENTITY,
  connection_failed: DisconnectReason.CONNECTION_TIMEOUT,
  participant_removed: DisconnectReason.PARTICIPANT_REMOVED,
  room_deleted: DisconnectReason.ROOM_DELETED,
  moved: DisconnectReason.MIGRATION,
  server_shutdown: DisconnectReason.SERVER_SHUTDOWN,
  media_thread_exited: DisconnectReason.MEDIA_FAILURE,
};

const KINDS: Readonly<Record<ParticipantKind, ParticipantInfo_Kind>> = {
  standard: ParticipantInfo_Kind.STANDARD,
  ingress: ParticipantInfo_Kind.INGRESS,
  egress: ParticipantInfo_Kind.EGRESS,
  sip: ParticipantInfo_Kind.SIP,
  agent: ParticipantInfo_Kind.AGENT,
  connector: ParticipantInfo_Kind.CONNECTOR,
  bridge: ParticipantInfo_Kind.BRIDGE,
};

const SOURCE_NAMES: readonly SourceName[] = [...TRACK_SOURCES, "unknown"];

export function participantInfo(participant: Participant): ParticipantInfo {
  const { id, identity, kind, profile, joinedAtMs, version, active, tracks } = participant;
  const { name, metadata, attributes, permission } = profile;
  const client = clientOf(participant.source ?? participant);
  return new ParticipantInfo({
    sid: id,
    identity,
    name,
    metadata,
    attributes: { ...attributes },
    state: active ? ParticipantInfo_State.ACTIVE : ParticipantInfo_State.JOINED,
    joinedAt: BigInt(Math.floor(joinedAtMs / 1000)),
    joinedAtMs: BigInt(joinedAtMs),
    version,
    permission: permissionInfo(permission),
    kind: KINDS[kind],
    kindDetails: participant.source === null ? [] : [ParticipantInfo_KindDetail.FORWARDED],
    isPublisher: tracks.length > 0,
    tracks: tracks.map(trackInfo),
    dataTracks: [...dataTracksOf(participant)],
    clientProtocol: client?.clientProtocol ?? 0,
    capabilities: client?.capabilities ?? [],
  });
}

/** Its state for the others once it has left. */
export function departedInfo(participant: Participant, reason: CloseReason): ParticipantInfo {
  const info = participantInfo(participant);
  info.state = ParticipantInfo_State.DISCONNECTED;
  info.disconnectReason = REASONS[reason];
  return info;
}

function permissionInfo(permission: Permission): ParticipantPermission {
  const { canPublish, canSubscribe, canPublishData, canPublishSources, canUpdateOwnMetadata, hidden } =
    permission;
  const known = SOURCE_NAMES.filter((source) => canPublishSources.includes(source));
  return new ParticipantPermission({
    canPublish,
    canSubscribe,
    canPublishData,
    canPublishSources: known.map((source) => SOURCES[source]),
    canUpdateMetadata: canUpdateOwnMetadata,
    hidden,
  });
}

/** The reverse: fields that are not set count as denied, as proto3 cannot tell them from false. */
export function permissionOf(info: ParticipantPermission): Permission {
  const { canPublish, canSubscribe, canPublishData, canPublishSources, canUpdateMetadata, hidden } = info;
  return {
    canPublish,
    canSubscribe,
    canPublishData,
    canPublishSources: [...new Set(canPublishSources.map(nameOf))],
    canUpdateOwnMetadata: canUpdateMetadata,
    hidden,
  };
}

/**
 * Sources of a later protocol become `unknown`, as for tracks: left out, they could leave an empty list: all granted.
 */
function nameOf(source: TrackSource): SourceName {
  return SOURCE_NAMES.find((name) => SOURCES[name] === source) ?? "unknown";
}
