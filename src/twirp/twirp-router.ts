/**
 * The Twirp protocol, version 7, without HTTP: finds the method that a path names, reads the request as JSON or
 * protobuf, checks the caller's grants, and writes the answer in the same encoding.
 *
 *   POST /twirp/livekit.RoomService/CreateRoom
 */
import type { Message, MessageType } from "@bufbuild/protobuf";
import {
  CreateRoomRequest,
  DeleteRoomRequest,
  ForwardParticipantRequest,
  ListParticipantsRequest,
  ListRoomsRequest,
  MoveParticipantRequest,
  MuteRoomTrackRequest,
  PerformRpcRequest,
  RoomParticipantIdentity,
  SendDataRequest,
  UpdateParticipantRequest,
  UpdateRoomMetadataRequest,
  UpdateSubscriptionsRequest,
} from "@livekit/protocol";
import type { Claims } from "../control/access-token.ts";
import { mayAdminister, type Rooms } from "../control/rooms.ts";
import { RoomService } from "./room-service.ts";
import { TwirpError } from "./twirp-error.ts";

export const JSON_TYPE = "application/json";
export const PROTOBUF_TYPE = "application/protobuf";
export type Encoding = typeof JSON_TYPE | typeof PROTOBUF_TYPE;

/** LiveKit's services that need components which this server does not have. */
const UNIMPLEMENTED = ["Egress", "Ingress", "SIP", "AgentDispatchService", "Connector"];

interface Method<Input extends Message<Input>> {
  readonly input: MessageType<Input>;
  readonly grants: (claims: Claims, request: Input) => boolean;
  readonly call: (service: RoomService, request: Input) => AnyMessage | Promise<AnyMessage>;
}

// biome-ignore lint/suspicious/noExplicitAny: a message is typed by its own class, and a table holds many
type AnyMessage = Message<any>;
// biome-ignore lint/suspicious/noExplicitAny: likewise; `method()` has checked that the parts fit
type AnyMethod = Method<any>;

const method = <Input extends Message<Input>>(
  input: MessageType<Input>,
  grants: Method<Input>["grants"],
  call: Method<Input>["call"],
): AnyMethod => ({ input, grants, call });

const creates = ({ grants }: Claims): boolean => grants.roomCreate;
const lists = ({ grants }: Claims): boolean => grants.roomList;
const administers = (claims: Claims, { room }: { readonly room: string }): boolean =>
  mayAdminister(claims, room);
const movesTo = (
  claims: Claims,
  request: { readonly room: string; readonly destinationRoom: string },
): boolean => administers(claims, request) && claims.grants.destinationRoom === request.destinationRoom;

const METHODS: ReadonlyMap<string, AnyMethod> = new Map([
  ["CreateRoom", method(CreateRoomRequest, creates, (service, request) => service.createRoom(request))],
  ["ListRooms", method(ListRoomsRequest, lists, (service, request) => service.listRooms(request))],
  ["DeleteRoom", method(DeleteRoomRequest, creates, (service, request) => service.deleteRoom(request))],
  [
    "ListParticipants",
    method(ListParticipantsRequest, administers, (service, request) => service.listParticipants(request)),
  ],
  [
    "GetParticipant",
    method(RoomParticipantIdentity, administers, (service, request) => service.getParticipant(request)),
  ],
  [
    "RemoveParticipant",
    method(RoomParticipantIdentity, administers, (service, request) => service.removeParticipant(request)),
  ],
  [
    "MutePublishedTrack",
    method(MuteRoomTrackRequest, administers, (service, request) => service.mutePublishedTrack(request)),
  ],
  [
    "UpdateParticipant",
    method(UpdateParticipantRequest, administers, (service, request) => service.updateParticipant(request)),
  ],
  [
    "UpdateSubscriptions",
    method(UpdateSubscriptionsRequest, administers, (service, request) =>
      service.updateSubscriptions(request),
    ),
  ],
  ["SendData", method(SendDataRequest, administers, (service, request) => service.sendData(request))],
  [
    "UpdateRoomMetadata",
    method(UpdateRoomMetadataRequest, administers, (service, request) => service.updateRoomMetadata(request)),
  ],
  ["PerformRpc", method(PerformRpcRequest, administers, (service, request) => service.performRpc(request))],
  [
    "MoveParticipant",
    method(MoveParticipantRequest, movesTo, (service, request) => service.moveParticipant(request)),
  ],
  [
    "ForwardParticipant",
    method(ForwardParticipantRequest, movesTo, (service, request) => service.forwardParticipant(request)),
  ],
]);

export class TwirpRouter {
  readonly #service: RoomService;

  constructor(rooms: Rooms) {
    this.#service = new RoomService(rooms);
  }

  /** `path`: what comes after `/twirp/`. Throws a `TwirpError` for every refusal. */
  async answer(path: string, encoding: Encoding, body: Uint8Array, claims: Claims): Promise<Uint8Array> {
    const { input, grants, call } = methodAt(path);
    const request = decode(input, encoding, body);
    if (!grants(claims, request)) {
      throw new TwirpError("permission_denied", "the access token does not grant this");
    }
    return encode(await call(this.#service, request), encoding);
  }
}

function methodAt(path: string): AnyMethod {
  const [, service = "", name = ""] = /^livekit\.(\w+)\/(\w+)$/.exec(path) ?? [];
  if (UNIMPLEMENTED.includes(service)) {
    throw new TwirpError("unimplemented", `livekit.${service} is not part of this server`);
  }
  const found = service === "RoomService" ? METHODS.get(name) : undefined;
  if (found === undefined) throw new TwirpError("bad_route", "no method at this path");
  return found;
}

/** Unknown fields are skipped in either encoding: callers may be newer than we are. */
function decode(input: AnyMethod["input"], encoding: Encoding, body: Uint8Array): AnyMessage {
  try {
    if (encoding === PROTOBUF_TYPE) return input.fromBinary(body, { readUnknownFields: false });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const request = input.fromJsonString(text, { ignoreUnknownFields: true });
    // The library accepts numbers from JSON that it cannot serialise.
    return input.fromBinary(request.toBinary());
  } catch {
    // Whatever the libraries throw, even a stack overflow, is caused by these bytes; their messages might repeat them.
    throw new TwirpError("malformed", `the body cannot be read as ${encoding} of ${input.typeName}`);
  }
}

/** JSON as Twirp servers write it: with the protocol's field names, and with fields that have default values. */
function encode(message: AnyMessage, encoding: Encoding): Uint8Array {
  if (encoding === PROTOBUF_TYPE) return message.toBinary();
  return Buffer.from(message.toJsonString({ useProtoFieldName: true, emitDefaultValues: true }));
}
