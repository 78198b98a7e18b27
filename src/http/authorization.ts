/** Authentication by access token, and checks of its grants. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessTokens, Claims, TokenError } from "../control/access-token.ts";
import type { Participant } from "../control/participant.ts";
import { mayAdminister, mayJoin, type Rooms } from "../control/rooms.ts";
import { CLOSED_PROBLEMS, HttpProblem } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set on every route in a scope with `requireToken`. */
    claims: Claims;
  }
}

/** Details for the client, which do not reveal whether an API key exists. */
const DETAILS: Record<TokenError, string> = {
  too_large: "it is too large",
  malformed: "it is not a signed JSON Web Token",
  unknown_key: "its signature cannot be verified",
  bad_signature: "its signature cannot be verified",
  expired: "it has expired",
  not_yet_valid: "it is not valid yet",
  bad_claims: "its claims are incomplete, of the wrong type or beyond what is allowed",
  unsupported: "it asks for egress, agents or a room preset, which this server does not have",
};

/**
 * Requires a token on all routes of this scope. Checked after the rate limit, so that guesses are counted, and before
 * the body is read, so that strangers cannot make us parse one.
 */
export function requireToken(app: FastifyInstance, tokens: AccessTokens): void {
  app.decorateRequest("claims");
  app.addHook("preParsing", async (request) => {
    request.claims = await verified(request, tokens);
  });
}

async function verified(request: FastifyRequest, tokens: AccessTokens): Promise<Claims> {
  const [, token] = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (token === undefined) throw new HttpProblem("unauthorized", challenge("Bearer"));
  const result = await tokens.verify(token);
  if (result.ok) return result.value;
  throw new HttpProblem("invalid_token", {
    detail: DETAILS[result.error],
    ...challenge('Bearer error="invalid_token"'),
  });
}

/** RFC 6750 §3. */
const challenge = (value: string) => ({ headers: { "www-authenticate": value } });

/** Of routes for members of a room. */
export const MEMBER_PROBLEMS = ["forbidden", ...CLOSED_PROBLEMS, "room_not_found"] as const;

export function requireGrant(granted: boolean): void {
  if (!granted) throw new HttpProblem("forbidden");
}

export function requireAdmin(claims: Claims, room: string): void {
  requireGrant(mayAdminister(claims, room));
}

/** The operator of the whole server; each of the two grants alone is one that applications give to people. */
export function requireOperator({ grants }: Claims): void {
  requireGrant(grants.roomList && grants.roomCreate);
}

/** Members see the room they may join, unless it is closed to them; its administrators do so without joining. */
export function requireMember(claims: Claims, room: string, rooms: Rooms): void {
  if (mayAdminister(claims, room)) return;
  requireGrant(mayJoin(claims, room));
  const refusal = rooms.closedTo(room, claims);
  if (refusal !== null) throw new HttpProblem(refusal);
}

/** Hidden participants and their tracks are shown only to themselves and to administrators of the room. */
export function isShown({ profile, identity, room }: Participant, claims: Claims): boolean {
  return !profile.permission.hidden || identity === claims.identity || mayAdminister(claims, room.id);
}
