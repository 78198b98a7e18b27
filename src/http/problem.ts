/**
 * All HTTP errors of this server, as problem documents (RFC 9457).
 *
 * One table gives each code its status and title. Handlers throw `HttpProblem`; the error names of control are such
 * codes, so one without a row here does not compile.
 */
import { z } from "zod";

const PROBLEMS = {
  bad_request: [400, "The request cannot be understood"],
  invalid_request: [400, "The request does not match what this resource takes"],
  invalid_room_name: [400, "The room's name is not valid"],
  metadata_too_large: [400, "The metadata has more than 64,000 bytes"],
  ban_over: [400, "The ban would be over already"],
  unauthorized: [401, "An access token is needed"],
  invalid_token: [401, "The access token is not valid"],
  forbidden: [403, "The access token does not grant this"],
  identity_required: [403, "The access token names no identity"],
  banned: [403, "The participant is banned from this room"],
  room_locked: [403, "The room is locked"],
  awaiting_admission: [403, "The participant waits in the lobby until it is admitted"],
  admission_denied: [403, "The participant was denied admission"],
  e2ee_required: [403, "This room takes end-to-end encrypted tracks only"],
  not_found: [404, "There is nothing at this address"],
  room_not_found: [404, "There is no such room"],
  participant_not_found: [404, "There is no such participant in this room"],
  ban_not_found: [404, "Nobody of this identity is banned from this room"],
  report_not_found: [404, "There is no such report"],
  track_not_found: [404, "There is no such track in this room"],
  subscription_not_found: [404, "There is no such subscription in this room"],
  session_not_found: [404, "There is no such session"],
  method_not_allowed: [405, "This address does not take this method"],
  request_timeout: [408, "The request took too long to come"],
  room_exists: [409, "A room of this name exists already"],
  room_full: [409, "The room is full"],
  too_many_bans: [409, "As many are banned from this room as may be"],
  too_many_reports: [409, "As many reports of this room are kept as may be"],
  too_many_tracks: [409, "The participant publishes as many tracks as the room allows"],
  too_many_subscriptions: [409, "The session has as many subscriptions as one may have"],
  too_many_transports: [409, "The participant has as many sessions as one may have"],
  muted_by_publisher: [409, "The publisher has muted the track itself, and alone can end that"],
  closed: [409, "The session has just ended"],
  left: [409, "The participant has just left"],
  precondition_failed: [412, "The session has changed since the given ETag"],
  payload_too_large: [413, "The request's body is too large"],
  uri_too_long: [414, "The request's address is too long"],
  unsupported_media_type: [415, "This resource does not take this media type"],
  unacceptable_session: [422, "The session description cannot be answered"],
  precondition_required: [428, "This request needs an If-Match header"],
  rate_limited: [429, "Too many requests from this address"],
  reported_too_often: [429, "The participant has reported as often as it may in an hour"],
  headers_too_large: [431, "The request's headers are too large"],
  internal_error: [500, "The server failed"],
  draining: [503, "The server is shutting down"],
  no_capacity: [503, "A thread that sessions need is not running"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

export const ProblemDocument = z
  .object({
    type: z.string().meta({ description: "Address of the list of all problems, and the code as fragment." }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: "For programs: does not change." }),
    detail: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: "What is wrong with which part of the request." }),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details." });
export type ProblemDocument = z.output<typeof ProblemDocument>;

interface ProblemExtras {
  /** Human-readable; must not contain secrets. */
  readonly detail?: string;
  readonly errors?: ProblemDocument["errors"];
  readonly headers?: Readonly<Record<string, string>>;
}

export class HttpProblem extends Error {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, extras: ProblemExtras = {}) {
    super(code);
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  get document(): ProblemDocument {
    const [status, title] = PROBLEMS[this.code];
    const { detail, errors } = this.extras;
    return {
      type: `/problems#${this.code}`,
      title,
      status,
      code: this.code,
      ...(detail !== undefined && { detail }),
      ...(errors !== undefined && { errors }),
    };
  }
}

/** All codes with status and title, for the page that `type` refers to. */
export function problemList(): { code: string; status: number; title: string }[] {
  return Object.entries(PROBLEMS).map(([code, [status, title]]) => ({ code, status, title }));
}

/** Problems before the handler: where a token is needed, a name is in the path, or a JSON body is accepted. */
export const TOKEN_PROBLEMS = ["unauthorized", "invalid_token"] as const satisfies readonly ProblemCode[];
/** Where a room may be closed to a token that is good for it. */
export const CLOSED_PROBLEMS = [
  "banned",
  "room_locked",
  "awaiting_admission",
  "admission_denied",
] as const satisfies readonly ProblemCode[];
export const PATH_PROBLEMS = ["invalid_request", "uri_too_long"] as const satisfies readonly ProblemCode[];
export const BODY_PROBLEMS = [
  "bad_request",
  "invalid_request",
  "payload_too_large",
  "unsupported_media_type",
] as const satisfies readonly ProblemCode[];

/** The `response` entries of a route's schema for these codes, and for what every route with a rate limit may return. */
export function problemResponses(...codes: readonly ProblemCode[]) {
  return unlimitedProblemResponses(...codes, "rate_limited");
}

/** The same for a route without a rate limit. */
export function unlimitedProblemResponses(...codes: readonly ProblemCode[]) {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const [status] = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.join(", "),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: ProblemDocument } },
      },
    ]),
  );
}

/** The value of a successful result; throws the problem of a failed one, which has the same name. */
export function orThrow<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly error: ProblemCode; readonly detail?: string },
): T {
  if (result.ok) return result.value;
  const { error, detail } = result;
  throw new HttpProblem(error, detail === undefined ? {} : { detail });
}
