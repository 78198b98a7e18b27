/**
 * LiveKit's RoomService (livekit_room.proto) over our rooms, with which backends moderate. The methods only: their
 * encoding is in `twirp-router.ts`, HTTP in `http/routes/twirp.ts`.
 */
import {
  type CreateRoomRequest,
  DataPacket_Kind,
  type DeleteRoomRequest,
  DeleteRoomResponse,
  type ForwardParticipantRequest,
  ForwardParticipantResponse,
  type ListParticipantsRequest,
  ListParticipantsResponse,
  type ListRoomsRequest,
  ListRoomsResponse,
  type MoveParticipantRequest,
  MoveParticipantResponse,
  type MuteRoomTrackRequest,
  MuteRoomTrackResponse,
  type ParticipantInfo,
  type PerformRpcRequest,
  PerformRpcResponse,
  RemoveParticipantResponse,
  type Room as RoomInfo,
  type RoomParticipantIdentity,
  type SendDataRequest,
  SendDataResponse,
  type UpdateParticipantRequest,
  type UpdateRoomMetadataRequest,
  type UpdateSubscriptionsRequest,
  UpdateSubscriptionsResponse,
} from "@livekit/protocol";
import { ROOM_LIMITS } from "../config/schema.ts";
import type { Participant } from "../control/participant.ts";
import type { ProfileChange } from "../control/profile.ts";
import type { Room, RoomOptions } from "../control/room.ts";
import type { Rooms } from "../control/rooms.ts";
import { participantInfo, permissionOf } from "../livekit/participant-info.ts";
import { roomInfo } from "../livekit/room-info.ts";
import { trackInfo } from "../livekit/track-info.ts";
import { orRefuse, refused, TwirpError } from "./twirp-error.ts";

/** Longest timeout of an RPC to an application. Larger: more requests are held open. Smaller: slow ones fail. */
const MAX_CALL_MS = 60_000;
/** Timeout where the caller gives none. */
const CALL_MS = 10_000;

/** LiveKit's RPC error codes for a peer that did not answer in time. */
const TIMEOUT_CODES = [1501, 1502];

export class RoomService {
  readonly #rooms: Rooms;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
  }

  /** Creates a room; an existing one takes over the options that the request sets. */
  createRoom(request: CreateRoomRequest): RoomInfo {
    const options = optionsOf(request);
    const present = this.#rooms.get(request.name);
    if (present === undefined) return roomInfo(orRefuse(this.#rooms.create(request.name, options)));
    if (Object.keys(options).length > 0) orRefuse(present.setOptions(options));
    return roomInfo(present);
  }

  listRooms({ names }: ListRoomsRequest): ListRoomsResponse {
    const rooms = this.#rooms.list.filter(({ id }) => names.length === 0 || names.includes(id));
    return new ListRoomsResponse({ rooms: rooms.map(roomInfo) });
  }

  deleteRoom({ room }: DeleteRoomRequest): DeleteRoomResponse {
    this.#room(room).delete();
    return new DeleteRoomResponse();
  }

  listParticipants({ room }: ListParticipantsRequest): ListParticipantsResponse {
    return new ListParticipantsResponse({ participants: this.#room(room).participants.map(participantInfo) });
  }

  getParticipant(request: RoomParticipantIdentity): ParticipantInfo {
    return participantInfo(this.#participant(request));
  }

  /** With `revokeTokenTs` also of who is not in the room, and with tokens from before that. */
  removeParticipant(request: RoomParticipantIdentity): RemoveParticipantResponse {
    const { room, identity, revokeTokenTs } = request;
    if (revokeTokenTs === 0n || identity === "") this.#participant(request).leave("participant_removed");
    else orRefuse(this.#rooms.revoke(room, identity, Number(revokeTokenTs)));
    return new RemoveParticipantResponse();
  }

  mutePublishedTrack({ trackSid, muted, ...who }: MuteRoomTrackRequest): MuteRoomTrackResponse {
    const track = this.#participant(who).tracks.find(({ id }) => id === trackSid);
    if (track === undefined) throw refused("track_not_found");
    orRefuse(track.setMutedByServer(muted));
    return new MuteRoomTrackResponse({ track: trackInfo(track) });
  }

  /** An empty name, empty metadata or absent permission leaves it as it is. */
  updateParticipant(request: UpdateParticipantRequest): ParticipantInfo {
    const { name, metadata, attributes, permission } = request;
    const participant = this.#participant(request);
    const change: ProfileChange = {
      ...(name !== "" && { name }),
      ...(metadata !== "" && { metadata }),
      ...(Object.keys(attributes).length > 0 && { attributes }),
      ...(permission !== undefined && { permission: permissionOf(permission) }),
    };
    orRefuse(participant.update(change));
    return participantInfo(participant);
  }

  /** Tracks that do not exist, as those that have just ended, are passed over: LiveKit's server does the same. */
  updateSubscriptions(request: UpdateSubscriptionsRequest): UpdateSubscriptionsResponse {
    const participant = this.#participant(request);
    const sids = [...request.trackSids, ...request.participantTracks.flatMap(({ trackSids }) => trackSids)];
    const named = new Set(sids);
    participant.setReceives(
      participant.room.tracks().filter(({ id }) => named.has(id)),
      request.subscribe,
    );
    return new UpdateSubscriptionsResponse();
  }

  /** To those named, otherwise to all. An error only when there are addressees and none of them can be sent data. */
  sendData(request: SendDataRequest): SendDataResponse {
    const { destinationIdentities, destinationSids, data: payload, kind, topic, nonce } = request;
    const named = new Set([...destinationIdentities, ...destinationSids]);
    const addressees = this.#room(request.room).participants.filter(
      ({ identity, id }) => named.size === 0 || named.has(identity) || named.has(id),
    );
    if (named.size > 0 && addressees.length === 0) throw refused("participant_not_found");
    const sinks = addressees.flatMap(({ dataSink }) => dataSink ?? []);
    if (addressees.length > 0 && sinks.length === 0) throw refused("no_data_channel");
    const message = { payload, topic, nonce, reliable: kind === DataPacket_Kind.RELIABLE };
    for (const sink of sinks) sink.send(message);
    return new SendDataResponse();
  }

  updateRoomMetadata({ room: name, metadata }: UpdateRoomMetadataRequest): RoomInfo {
    const room = this.#room(name);
    orRefuse(room.setOptions({ metadata }));
    return roomInfo(room);
  }

  async performRpc(request: PerformRpcRequest): Promise<PerformRpcResponse> {
    const { room, destinationIdentity, method, payload, responseTimeoutMs } = request;
    const { dataSink } = this.#participant({ room, identity: destinationIdentity });
    if (responseTimeoutMs > MAX_CALL_MS) {
      throw new TwirpError("invalid_argument", `response_timeout_ms must be at most ${MAX_CALL_MS}`);
    }
    if (dataSink === null) throw refused("no_data_channel");
    const timeoutMs = responseTimeoutMs === 0 ? CALL_MS : responseTimeoutMs;
    const outcome = await dataSink.call({ method, payload, timeoutMs });
    if (outcome.ok) return new PerformRpcResponse({ payload: outcome.payload });
    const { code, message } = outcome.failure;
    throw new TwirpError(
      TIMEOUT_CODES.includes(code) ? "deadline_exceeded" : "failed_precondition",
      message,
      {
        rpc_error_code: String(code),
      },
    );
  }

  moveParticipant({ destinationRoom, ...who }: MoveParticipantRequest): MoveParticipantResponse {
    orRefuse(this.#rooms.move(this.#participant(who), destinationRoom));
    return new MoveParticipantResponse();
  }

  /** Forwarding ends when the participant leaves its room, or is removed from the other. */
  forwardParticipant({ destinationRoom, ...who }: ForwardParticipantRequest): ForwardParticipantResponse {
    orRefuse(this.#rooms.forward(this.#participant(who), destinationRoom));
    return new ForwardParticipantResponse();
  }

  #room(name: string): Room {
    const room = this.#rooms.get(name);
    if (room === undefined) throw refused("room_not_found");
    return room;
  }

  #participant({ room, identity }: { readonly room: string; readonly identity: string }): Participant {
    const participant = this.#room(room).participant(identity);
    if (participant === undefined) throw refused("participant_not_found");
    return participant;
  }
}

/** The options that the request sets; 0 and the empty string stand for the server's defaults. */
function optionsOf(request: CreateRoomRequest): Partial<RoomOptions> {
  const { emptyTimeout, departureTimeout, maxParticipants, metadata, egress, agents, roomPreset } = request;
  if (egress !== undefined) throw new TwirpError("unimplemented", "this server records nothing");
  if (agents.length > 0) throw new TwirpError("unimplemented", "this server dispatches no agents");
  if (roomPreset !== "") throw new TwirpError("unimplemented", "this server has no room presets");
  return {
    ...within("emptyTimeoutSeconds", "empty_timeout", emptyTimeout),
    ...within("departureTimeoutSeconds", "departure_timeout", departureTimeout),
    ...within("maxParticipants", "max_participants", maxParticipants),
    ...(metadata !== "" && { metadata }),
  };
}

function within(
  option: "emptyTimeoutSeconds" | "departureTimeoutSeconds" | "maxParticipants",
  argument: string,
  value: number,
): Partial<RoomOptions> {
  if (value === 0) return {};
  const { maxValue } = ROOM_LIMITS[option];
  if (!ROOM_LIMITS[option].safeParse(value).success) {
    throw new TwirpError("invalid_argument", `${argument} must be at most ${maxValue}`, { argument });
  }
  return { [option]: value };
}
