/**
 * Errors of the Twirp protocol, version 7: a code of a fixed list, which determines the HTTP status, and a
 * human-readable message. They are sent as JSON, whatever the encoding of the request.
 */
const STATUS = {
  malformed: 400,
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  bad_route: 404,
  not_found: 404,
  deadline_exceeded: 408,
  already_exists: 409,
  failed_precondition: 412,
  resource_exhausted: 429,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
} as const;

export type TwirpCode = keyof typeof STATUS;

export class TwirpError extends Error {
  readonly code: TwirpCode;
  readonly meta: Readonly<Record<string, string>>;

  constructor(code: TwirpCode, message: string, meta: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.meta = meta;
  }

  get status(): number {
    return STATUS[this.code];
  }

  get document(): { code: string; msg: string; meta?: Readonly<Record<string, string>> } {
    const { code, message: msg, meta } = this;
    return Object.keys(meta).length === 0 ? { code, msg } : { code, msg, meta };
  }
}

/** Twirp code and message for each error of control. */
const OUTCOMES = {
  invalid_room_name: ["invalid_argument", "the room's name is not valid"],
  metadata_too_large: ["invalid_argument", "the metadata has more than 64,000 bytes"],
  name_too_long: ["invalid_argument", "the name has more than 256 characters"],
  attributes_too_large: ["invalid_argument", "the attributes have more than 64,000 bytes, or 256 keys"],
  revoked_ahead: ["invalid_argument", "revoke_token_ts lies more than a day ahead; it is in seconds"],
  same_room: ["invalid_argument", "the destination is the room that the participant is in"],
  room_not_found: ["not_found", "requested room does not exist"],
  participant_not_found: ["not_found", "participant does not exist"],
  track_not_found: ["not_found", "track is not found"],
  room_exists: ["already_exists", "a room of this name exists"],
  identity_taken: ["already_exists", "somebody of this identity is in the destination room"],
  room_full: ["resource_exhausted", "the destination room is full"],
  banned: ["failed_precondition", "the participant is banned from the destination room"],
  forwarded: ["failed_precondition", "the participant is only forwarded to this room; move it from its own"],
  e2ee_required: ["failed_precondition", "the destination room takes end-to-end encrypted tracks only"],
  muted_by_publisher: [
    "failed_precondition",
    "the publisher has muted the track itself, and alone can end that",
  ],
  too_many_tracks: ["failed_precondition", "the destination room does not allow so many tracks"],
  no_data_channel: ["failed_precondition", "no addressee has a data channel"],
  draining: ["unavailable", "the server is shutting down"],
} as const satisfies Record<string, readonly [TwirpCode, string]>;

type Refusal = keyof typeof OUTCOMES;

export function refused(outcome: Refusal): TwirpError {
  const [code, message] = OUTCOMES[outcome];
  return new TwirpError(code, message);
}

/** The value of a successful result; throws the Twirp error of a failed one. */
export function orRefuse<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Refusal },
): T {
  if (result.ok) return result.value;
  throw refused(result.error);
}
