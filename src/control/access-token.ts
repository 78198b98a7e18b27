/**
 * Access tokens: JSON Web Tokens signed with HS256 (RFC 7519, RFC 7515), with the claims that LiveKit's server SDKs
 * write, so that any of those SDKs can mint them.
 *
 * `iss` names the API key whose secret signed the token, `sub` is the participant's identity, `video` holds grants.
 */
import { createHash, createSecretKey, type KeyObject } from "node:crypto";
import { decodeJwt, errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Clock } from "./clock.ts";
import { fail, ok, type Result } from "./result.ts";

/** What a track shows or carries, as its publisher declares it. */
export const TRACK_SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"] as const;
export type TrackSource = (typeof TRACK_SOURCES)[number] | "unknown";

/** What a participant may do, and whether it is seen: from its token, until the server API says otherwise. */
export interface Permission {
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
  readonly canPublishData: boolean;
  /** When not empty, only these sources may be published. */
  readonly canPublishSources: readonly string[];
  /** May change its own name, metadata and attributes. */
  readonly canUpdateOwnMetadata: boolean;
  /** Not shown to the other participants, nor received by them. */
  readonly hidden: boolean;
}

export interface Grants extends Permission {
  readonly roomCreate: boolean;
  readonly roomList: boolean;
  readonly roomAdmin: boolean;
  readonly roomJoin: boolean;
  /** The room that `roomAdmin` and `roomJoin` apply to; empty when the token names none. */
  readonly room: string;
  /** Where `roomAdmin` may move participants to; empty when the token names no room for that. */
  readonly destinationRoom: string;
}

/** What joins: a person's client, or a service of LiveKit's that stands for something else. */
export const PARTICIPANT_KINDS = [
  "standard",
  "ingress",
  "egress",
  "sip",
  "agent",
  "connector",
  "bridge",
] as const;
export type ParticipantKind = (typeof PARTICIPANT_KINDS)[number];

/** Attendants are in a room because of the others: as in LiveKit's server, they take no place and keep no room open. */
export function isAttendant(kind: ParticipantKind): boolean {
  return kind === "agent" || kind === "egress";
}

/** Settings of the room, should a join create it; 0 and the empty text stand for the server's defaults. */
export interface RoomConfig {
  /** In seconds. */
  readonly emptyTimeout: number;
  readonly departureTimeout: number;
  readonly maxParticipants: number;
  readonly metadata: string;
}

export const NO_ROOM_CONFIG: RoomConfig = {
  emptyTimeout: 0,
  departureTimeout: 0,
  maxParticipants: 0,
  metadata: "",
};

export interface Claims {
  readonly apiKey: string;
  /** Empty in tokens that are made for the server API only. */
  readonly identity: string;
  readonly name: string;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly kind: ParticipantKind;
  readonly roomConfig: RoomConfig;
  readonly grants: Grants;
  /** Since 1970. */
  readonly expiresAtSeconds: number;
  /** `nbf`, or when this server issued it; 0 for a token that says neither. Since 1970. */
  readonly validFromSeconds: number;
  /** When this server issued it to a client that was in the room; null for one of the application. Since 1970. */
  readonly reissuedAtMs: number | null;
}

export type TokenError =
  | "too_large"
  | "malformed"
  | "unknown_key"
  | "bad_signature"
  | "expired"
  | "not_yet_valid"
  | "bad_claims"
  /** It asks for egress, agents or a room preset, which this server does not have. */
  | "unsupported";

/**
 * A token with long metadata has about 4 KiB. Larger: a request line beyond what proxies pass, and more bytes to hash
 * for a stranger. Smaller: tokens with many attributes are refused.
 */
const MAX_TOKEN_BYTES = 8_192;

/**
 * Clocks of the machine that signs and of ours may differ by this much. Larger: an expired token works for longer.
 * Smaller: a token that was just made is refused as not yet valid.
 */
const CLOCK_TOLERANCE_SECONDS = 30;

/**
 * `.` and `..` would vanish from URLs, and half of a surrogate pair has no form in UTF-8: nobody could remove, ban or watch
 * such a participant by one.
 */
export const Identity = z
  .string()
  .max(256)
  .regex(/^(?!\.{1,2}$)\P{Cs}*$/u);

/** As in `config/schema.ts`. */
const Timeout = z.int().min(0).max(86_400).default(0);
const MaxParticipants = z.int().min(0).max(10_000).default(0);

/** `livekit.RoomConfiguration` in the JSON form of protobuf, in which members at their default may be left out. */
const RoomConfiguration = z.object({
  emptyTimeout: Timeout,
  departureTimeout: Timeout,
  maxParticipants: MaxParticipants,
  metadata: z.string().default(""),
  agents: z.array(z.unknown()).default([]),
  egress: z.unknown().optional(),
});

/**
 * An absent grant is denied, except that publishing and subscribing are allowed unless the token denies them, and data
 * may be published by those who may publish, unless the token says otherwise.
 */
const Claimed = z.object({
  iss: z.string(),
  sub: Identity.default(""),
  exp: z.number(),
  nbf: z.number().default(0),
  name: z.string().default(""),
  metadata: z.string().default(""),
  attributes: z.record(z.string(), z.string()).default({}),
  kind: z.string().default(""),
  reissuedAtMs: z.number().nullable().default(null),
  roomPreset: z.string().default(""),
  roomConfig: RoomConfiguration.prefault({}),
  video: z
    .object({
      roomCreate: z.boolean().default(false),
      roomList: z.boolean().default(false),
      roomAdmin: z.boolean().default(false),
      roomJoin: z.boolean().default(false),
      room: z.string().max(128).default(""),
      destinationRoom: z.string().max(128).default(""),
      canPublish: z.boolean().default(true),
      canSubscribe: z.boolean().default(true),
      canPublishData: z.boolean().optional(),
      canPublishSources: z.array(z.string()).default([]),
      canUpdateOwnMetadata: z.boolean().default(false),
      hidden: z.boolean().default(false),
    })
    .prefault({}),
});

export interface TokenRequest {
  /** The key whose secret signs it; by default the first that is configured. */
  readonly apiKey?: string;
  readonly identity: string;
  readonly name?: string;
  readonly metadata?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly kind?: ParticipantKind;
  readonly roomConfig?: RoomConfig;
  readonly grants: Partial<Grants>;
  readonly validSeconds: number;
  /** Whether it is for a client that has come with another. */
  readonly isReissued?: boolean;
}

export class AccessTokens {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #clock: Clock;

  /** `secrets` by API key; a secret shorter than 32 bytes is weaker than the HMAC it keys (RFC 7518 §3.2). */
  constructor(secrets: Readonly<Record<string, string>>, clock: Clock) {
    this.#keys = new Map(
      Object.entries(secrets).map(([apiKey, secret]) => [apiKey, createSecretKey(Buffer.from(secret))]),
    );
    this.#clock = clock;
  }

  async verify(token: string): Promise<Result<Claims, TokenError>> {
    if (token.length > MAX_TOKEN_BYTES) return fail("too_large");
    const issuer = issuerOf(token);
    if (issuer === undefined) return fail("malformed");
    const key = this.#keys.get(issuer);
    if (key === undefined) return fail("unknown_key");
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: ["HS256"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#clock.nowMs()),
        requiredClaims: ["exp"],
      });
      const claimed = Claimed.safeParse(payload);
      if (!claimed.success) return fail("bad_claims");
      return isSupported(claimed.data) ? ok(toClaims(claimed.data)) : fail("unsupported");
    } catch (error) {
      return fail(reasonOf(error));
    }
  }

  /** A token that vouches for `body`: it holds its SHA-256 as claim `sha256`, in base64. */
  async signBody(apiKey: string, body: string): Promise<string> {
    const key = this.#keyOf(apiKey);
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1000);
    return new SignJWT({ sha256: createHash("sha256").update(body).digest("base64") })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(apiKey)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + SIGNATURE_VALID_SECONDS)
      .sign(key);
  }

  /** Valid at once, and so without `nbf`: if the time of day is set back, clients that lose their connection must get in again. */
  async issue(request: TokenRequest): Promise<string> {
    const { apiKey = this.#keys.keys().next().value ?? "" } = request;
    const key = this.#keyOf(apiKey);
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1000);
    const { identity, name = identity, metadata, attributes, kind, roomConfig, grants: video } = request;
    const reissuedAtMs = request.isReissued === true ? this.#clock.nowMs() : undefined;
    return new SignJWT({ name, metadata, attributes, kind, roomConfig, reissuedAtMs, video })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(apiKey)
      .setSubject(request.identity)
      .setExpirationTime(nowSeconds + request.validSeconds)
      .sign(key);
  }

  #keyOf(apiKey: string): KeyObject {
    const key = this.#keys.get(apiKey);
    if (key === undefined) throw new Error(`no API key ${apiKey}`);
    return key;
  }
}

/** A body is sent at once, so this only allows for clock skew. Larger: a copied request can be replayed for longer. */
const SIGNATURE_VALID_SECONDS = 300;

/** The `iss` of a token whose signature has not been verified. */
function issuerOf(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === "string" ? iss : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): TokenError {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "bad_signature";
  if (error instanceof errors.JOSEAlgNotAllowed) return "bad_signature";
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === "nbf" && error.reason === "check_failed" ? "not_yet_valid" : "bad_claims";
  }
  return "malformed";
}

/** Whoever counts on a recording must not find out later that there is none. */
function isSupported({ roomPreset, roomConfig }: z.output<typeof Claimed>): boolean {
  return roomPreset === "" && roomConfig.agents.length === 0 && (roomConfig.egress ?? null) === null;
}

function toClaims(claimed: z.output<typeof Claimed>): Claims {
  const { iss, sub, exp, nbf, name, metadata, attributes, reissuedAtMs, video } = claimed;
  const { agents: _, egress: __, ...roomConfig } = claimed.roomConfig;
  return {
    apiKey: iss,
    identity: sub,
    name,
    metadata,
    attributes,
    // One of a later protocol is announced as a participant like any other, as by LiveKit's server.
    kind: PARTICIPANT_KINDS.find((kind) => kind === claimed.kind.toLowerCase()) ?? "standard",
    roomConfig,
    grants: { ...video, canPublishData: video.canPublishData ?? video.canPublish },
    expiresAtSeconds: exp,
    validFromSeconds: reissuedAtMs === null ? nbf : reissuedAtMs / 1000,
    reissuedAtMs,
  };
}
