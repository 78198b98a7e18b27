/**
 * How a client joins or resumes: the query of its WebSocket, in one of two forms.
 *
 *   /rtc/v1?join_request=…   base64url( WrappedJoinRequest{ gzip( JoinRequest ) } ), one PeerConnection
 *   /rtc?auto_subscribe=…    one parameter for each thing, two PeerConnections
 */
import { gunzipSync } from "node:zlib";
import {
  type AddTrackRequest,
  ClientInfo,
  ClientInfo_SDK,
  ConnectionSettings,
  JoinRequest,
  type SessionDescription,
  type SyncState,
  WrappedJoinRequest,
  WrappedJoinRequest_Compression,
} from "@livekit/protocol";
import { fail, ok, type Result } from "../control/result.ts";

export interface JoinParams {
  /** One PeerConnection on which the client makes all offers, or two. */
  readonly singleConnection: boolean;
  readonly client: ClientInfo;
  readonly autoSubscribe: boolean;
  /** The sid of the participant that resumes; empty for a join. */
  readonly resumes: string;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly offer: SessionDescription | null;
  readonly addTracks: readonly AddTrackRequest[];
  readonly syncState: SyncState | null;
}

export type JoinRequestError = "join_request_missing" | "join_request_malformed" | "join_request_too_large";
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * An offer of six sections has 25 kB; metadata and attributes may add 128 kB. Larger: a gzip bomb of a few kB takes more
 * memory. Smaller: joins with much metadata are refused.
 */
const MAX_JOIN_REQUEST_BYTES = 262_144;

/**
 * A client's description of itself, in part sent to everybody. Larger: more to send. Smaller: long names do not fit.
 */
const MAX_CLIENT_INFO_BYTES = 4_096;

/** Tracks that are announced with it. Larger: more answers to one request. Smaller: fewer can be published at once. */
const MAX_ADD_TRACKS = 256;

/** `needsJoinRequest`: on the path that has only that form. */
export function readJoinParams(
  query: Query,
  needsJoinRequest: boolean,
): Result<JoinParams, JoinRequestError> {
  const wrapped = textOf(query, "join_request");
  if (wrapped !== "") return readWrapped(wrapped);
  return needsJoinRequest ? fail("join_request_missing") : ok(readParameters(query));
}

/** Browsers add padding, others may not. */
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;

function readWrapped(text: string): Result<JoinParams, JoinRequestError> {
  if (!BASE64URL.test(text)) return fail("join_request_malformed");
  try {
    const { compression, joinRequest: bytes } = WrappedJoinRequest.fromBinary(Buffer.from(text, "base64url"));
    const isCompressed = compression === WrappedJoinRequest_Compression.GZIP;
    const plain = isCompressed ? gunzipSync(bytes, { maxOutputLength: MAX_JOIN_REQUEST_BYTES }) : bytes;
    if (plain.length > MAX_JOIN_REQUEST_BYTES) return fail("join_request_too_large");
    const request = JoinRequest.fromBinary(plain);
    const clientBytes = request.clientInfo?.toBinary().length ?? 0;
    if (clientBytes > MAX_CLIENT_INFO_BYTES || request.addTrackRequests.length > MAX_ADD_TRACKS) {
      return fail("join_request_too_large");
    }
    return ok(fromJoinRequest(request));
  } catch (error) {
    const isBomb =
      error instanceof RangeError && (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    return fail(isBomb ? "join_request_too_large" : "join_request_malformed");
  }
}

function fromJoinRequest(request: JoinRequest): JoinParams {
  const { autoSubscribe } = request.connectionSettings ?? new ConnectionSettings();
  return {
    singleConnection: true,
    client: request.clientInfo ?? new ClientInfo(),
    autoSubscribe,
    resumes: request.reconnect ? request.participantSid : "",
    metadata: request.metadata,
    attributes: request.participantAttributes,
    offer: request.publisherOffer ?? null,
    addTracks: request.addTrackRequests,
    syncState: request.syncState ?? null,
  };
}

function readParameters(query: Query): JoinParams {
  const text = (name: string): string => textOf(query, name);
  return {
    singleConnection: false,
    client: new ClientInfo({
      sdk: SDKS.get(text("sdk").toLowerCase()) ?? ClientInfo_SDK.UNKNOWN,
      version: text("version"),
      protocol: numberOf(text("protocol")),
      clientProtocol: numberOf(text("client_protocol")),
      os: text("os"),
      osVersion: text("os_version"),
      deviceModel: text("device_model"),
      browser: text("browser"),
      browserVersion: text("browser_version"),
      network: text("network"),
    }),
    autoSubscribe: text("auto_subscribe") === "" || isTrue(text("auto_subscribe")),
    resumes: isTrue(text("reconnect")) ? text("sid") : "",
    metadata: "",
    attributes: {},
    offer: null,
    addTracks: [],
    syncState: null,
  };
}

/** What clients call themselves in `sdk`, where that is not the name of the enumeration in lower case. */
const SDKS: ReadonlyMap<string, ClientInfo_SDK> = new Map([
  ["js", ClientInfo_SDK.JS],
  ["swift", ClientInfo_SDK.SWIFT],
  ["ios", ClientInfo_SDK.SWIFT],
  ["android", ClientInfo_SDK.ANDROID],
  ["flutter", ClientInfo_SDK.FLUTTER],
  ["go", ClientInfo_SDK.GO],
  ["unity", ClientInfo_SDK.UNITY],
  ["reactnative", ClientInfo_SDK.REACT_NATIVE],
  ["rust", ClientInfo_SDK.RUST],
  ["python", ClientInfo_SDK.PYTHON],
  ["cpp", ClientInfo_SDK.CPP],
]);

/** The first value of a parameter; empty without one. */
export function textOf(query: Query, name: string): string {
  const value = query[name];
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}

const isTrue = (text: string): boolean => text === "1" || text.toLowerCase() === "true";
/** Protocol versions are small; what is not a number counts as the oldest. */
const numberOf = (text: string): number => (/^\d{1,4}$/.test(text) ? Number(text) : 0);
