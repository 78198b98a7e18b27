/** Requests of clients, one function for each kind that the session does not just pass on. */
import {
  type AddTrackRequest,
  Pong,
  type PublishDataTrackRequest,
  PublishDataTrackResponse,
  RequestResponse,
  RequestResponse_Reason,
  type SignalRequest,
  type UnpublishDataTrackRequest,
  UnpublishDataTrackResponse,
  type UpdateParticipantMetadata,
} from "@livekit/protocol";
import type { ClientSession } from "./client-session.ts";
import type { AnnounceError } from "./publications.ts";
import { reconcile } from "./reconciliation.ts";
import { simulate } from "./simulation.ts";
import {
  setAudience,
  setTrackSettings,
  updateDataSubscription,
  updateSubscription,
} from "./subscription-requests.ts";

export function onRequest(session: ClientSession, { message }: SignalRequest): void {
  switch (message.case) {
    case "offer":
      return session.peers.offered(message.value);
    case "answer":
      return session.peers.answered(message.value);
    case "addTrack":
      return addTrack(session, message.value);
    case "mute":
      return session.publications.setMuted(message.value.sid, message.value.muted);
    case "subscription":
      return updateSubscription(session, message.value);
    case "trackSetting":
      return setTrackSettings(session, message.value.trackSids, message.value);
    case "subscriptionPermission":
      return setAudience(session, message.value);
    case "updateMetadata":
      return updateMetadata(session, message.value);
    case "updateAudioTrack":
      return session.publications.describe(message.value.trackSid, { audioFeatures: message.value.features });
    case "updateVideoTrack": {
      const { trackSid, width, height } = message.value;
      return session.publications.describe(trackSid, { width, height });
    }
    case "publishDataTrackRequest":
      return publishDataTrack(session, message.value);
    case "unpublishDataTrackRequest":
      return unpublishDataTrack(session, message.value);
    case "updateDataSubscription":
      return updateDataSubscription(session, message.value);
    case "syncState":
      return reconcile(session, message.value);
    case "simulate":
      return simulate(session, message.value);
    case "leave":
      return session.participant.leave("client_left");
    case "ping":
      return session.send({ case: "pong", value: BigInt(session.participant.room.clock.nowMs()) });
    case "pingReq":
      return pong(session, message.value.timestamp);
    case "storeDataBlobRequest":
    case "getDataBlobRequest":
      return refuseDataBlob(session, message.value.requestId);
    // A lite agent learns addresses from connectivity checks (RFC 8445 §7.3.1.3).
    case "trickle":
    // Layers are known from the media itself.
    case "updateLayers":
    // Of a later protocol than ours.
    case undefined:
      return;
    default:
      return message satisfies never;
  }
}

/** Blobs are not stored: they hold schemas of data tracks, which work without them. */
function refuseDataBlob(session: ClientSession, requestId: number): void {
  const reason = RequestResponse_Reason.UNSUPPORTED_TYPE;
  const value = new RequestResponse({ requestId, reason, message: "data blobs are not kept here" });
  session.send({ case: "requestResponse", value });
}

function pong(session: ClientSession, lastPingTimestamp: bigint): void {
  const timestamp = BigInt(session.participant.room.clock.nowMs());
  session.send({ case: "pongResp", value: new Pong({ lastPingTimestamp, timestamp }) });
}

const REFUSALS: Readonly<Record<AnnounceError, readonly [RequestResponse_Reason, string]>> = {
  forbidden: [RequestResponse_Reason.NOT_ALLOWED, "the participant may not publish this source"],
  e2ee_required: [RequestResponse_Reason.NOT_ALLOWED, "this room takes end-to-end encrypted tracks only"],
  too_many_tracks: [
    RequestResponse_Reason.LIMIT_EXCEEDED,
    "the participant publishes as many tracks as it may",
  ],
  too_large: [RequestResponse_Reason.LIMIT_EXCEEDED, "the announcement is too long"],
  unsupported_type: [RequestResponse_Reason.UNSUPPORTED_TYPE, "tracks are audio or video"],
  track_not_found: [RequestResponse_Reason.NOT_FOUND, "the participant publishes no video of this sid"],
  backup_exists: [RequestResponse_Reason.LIMIT_EXCEEDED, "the track has a backup already"],
};

export function addTrack(session: ClientSession, request: AddTrackRequest): void {
  const announced = session.publications.announce(request);
  if (announced.ok) return session.onAnnounced(request.cid, announced.value);
  const [reason, message] = REFUSALS[announced.error];
  session.send({
    case: "requestResponse",
    value: new RequestResponse({ reason, message, request: { case: "addTrack", value: request } }),
  });
}

const LIMITS = {
  name_too_long: "the name is too long",
  metadata_too_large: "the metadata is too large",
  attributes_too_large: "the attributes are too large",
} as const;

/** As in LiveKit's server, empty fields leave things as they are, and an empty value deletes an attribute. */
function updateMetadata(session: ClientSession, update: UpdateParticipantMetadata): void {
  const { participant } = session;
  const { name, metadata, attributes, requestId } = update;
  const answer = (reason: RequestResponse_Reason, message = ""): void =>
    session.send({
      case: "requestResponse",
      value: new RequestResponse({
        requestId,
        reason,
        message,
        request: { case: "updateMetadata", value: update },
      }),
    });
  if (!participant.profile.permission.canUpdateOwnMetadata) {
    return answer(RequestResponse_Reason.NOT_ALLOWED, "does not have permission to update own metadata");
  }
  const updated = participant.update({
    ...(name !== "" && { name }),
    ...(metadata !== "" && { metadata }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  });
  if (updated.ok) answer(RequestResponse_Reason.OK);
  else answer(RequestResponse_Reason.LIMIT_EXCEEDED, LIMITS[updated.error]);
}

function publishDataTrack(session: ClientSession, request: PublishDataTrackRequest): void {
  const published = session.data.tracks.publish(request);
  if (published.ok) {
    const value = new PublishDataTrackResponse({ info: published.info });
    return session.send({ case: "publishDataTrackResponse", value });
  }
  const { reason } = published;
  const value = new RequestResponse({ reason, request: { case: "publishDataTrack", value: request } });
  session.send({ case: "requestResponse", value });
}

function unpublishDataTrack(session: ClientSession, request: UnpublishDataTrackRequest): void {
  const info = session.data.tracks.unpublish(request.pubHandle);
  if (info !== undefined) {
    return session.send({
      case: "unpublishDataTrackResponse",
      value: new UnpublishDataTrackResponse({ info }),
    });
  }
  const reason = RequestResponse_Reason.NOT_FOUND;
  const value = new RequestResponse({ reason, request: { case: "unpublishDataTrack", value: request } });
  session.send({ case: "requestResponse", value });
}
