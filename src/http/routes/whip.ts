/** WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): media sessions opened by one offer and one answer. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Claims } from "../../control/access-token.ts";
import type { IceServer, IceServers } from "../../control/ice-servers.ts";
import { type OpenedSession, WHIP_SOURCES, type WhipSessions } from "../../whip/whip-sessions.ts";
import {
  CLOSED_PROBLEMS,
  HttpProblem,
  orThrow,
  PATH_PROBLEMS,
  type ProblemCode,
  problemResponses,
  TOKEN_PROBLEMS,
} from "../problem.ts";
import { ParticipantPath, RoomPath } from "../schemas.ts";

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

const SessionPath = z.object({ sessionId: z.string().max(64) });
const Offer = z.string().meta({ description: "A session description that sends or receives, with BUNDLE." });
const Answer = {
  description:
    "The session's answer. `Location` is its address, `ETag` names its ICE session, `Link` STUN and TURN servers.",
  content: { [SDP]: { schema: z.string() } },
};

const OPENING_PROBLEMS = [
  "bad_request",
  "invalid_room_name",
  ...TOKEN_PROBLEMS,
  ...PATH_PROBLEMS,
  "forbidden",
  ...CLOSED_PROBLEMS,
  "identity_required",
  "room_not_found",
  "room_full",
  "too_many_transports",
  "payload_too_large",
  "unsupported_media_type",
  "unacceptable_session",
  "draining",
  "no_capacity",
] as const satisfies readonly ProblemCode[];

interface WhipRoutesOptions {
  readonly sessions: WhipSessions;
  readonly iceServers: IceServers;
}

export const whipRoutes: FastifyPluginAsyncZod<WhipRoutesOptions> = async (app, { sessions, iceServers }) => {
  const headersOf = (session: OpenedSession, { identity }: Claims): Record<string, string> => ({
    ...sessionHeaders(session),
    ...linkHeader(iceServers.for(identity)),
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser([SDP, FRAGMENT], { parseAs: "string" }, (_request, body, done) =>
    done(null, body),
  );

  app.post(
    "/whip/:room",
    {
      schema: {
        tags: ["media sessions"],
        summary: "Publish (WHIP)",
        description:
          "Needs roomJoin for this room and canPublish. A session of the same participant with the same source ends.",
        consumes: [SDP],
        params: RoomPath,
        querystring: z.strictObject({
          encryption: z.enum(["none", "gcm", "custom"]).default("none").meta({
            description:
              "What the publisher declares: custom = frames are sealed by its own end-to-end encryption.",
          }),
          source: z.enum(WHIP_SOURCES).default("camera"),
        }),
        body: Offer,
        response: {
          201: Answer,
          ...problemResponses(...OPENING_PROBLEMS, "e2ee_required", "too_many_tracks"),
        },
      },
    },
    async (request, reply) => {
      requireMediaType(request.headers["content-type"], SDP);
      const { claims, params, query, body } = request;
      const session = orThrow(sessions.publish(params.room, claims, body, query));
      return reply.code(201).headers(headersOf(session, claims)).type(SDP).send(session.answer);
    },
  );

  for (const [url, params, summary] of [
    ["/whep/:room", RoomPath, "Watch everyone else in the room (WHEP)"],
    ["/whep/:room/:identity", ParticipantPath, "Watch one participant (WHEP)"],
  ] as const) {
    app.post(
      url,
      {
        schema: {
          tags: ["media sessions"],
          summary,
          description:
            "Needs roomJoin for this room and canSubscribe. Tracks are dealt to the offer's sections as they come.",
          consumes: [SDP],
          params,
          body: Offer,
          response: { 201: Answer, ...problemResponses(...OPENING_PROBLEMS, "too_many_subscriptions") },
        },
      },
      async (request, reply) => {
        requireMediaType(request.headers["content-type"], SDP);
        const {
          claims,
          params: { room, ...target },
          body,
        } = request;
        const session = orThrow(sessions.watch(room, claims, body, target));
        return reply.code(201).headers(headersOf(session, claims)).type(SDP).send(session.answer);
      },
    );
  }

  app.patch(
    "/sessions/:sessionId",
    {
      schema: {
        tags: ["media sessions"],
        summary: "Trickle a candidate or restart ICE",
        description:
          "Needs a token of the participant who opened the session. `If-Match` holds the session's ETag; `*` is " +
          "for a restart. Candidates are not needed: the server learns them from connectivity checks.",
        consumes: [FRAGMENT],
        params: SessionPath,
        headers: z.object({ "if-match": z.string().max(256).optional() }),
        body: z.string(),
        response: {
          200: {
            description: "ICE was restarted: the server's new credentials.",
            content: { [FRAGMENT]: { schema: z.string() } },
          },
          204: z.null().meta({ description: "Candidates were taken note of." }),
          ...problemResponses(
            ...PATH_PROBLEMS,
            "bad_request",
            ...TOKEN_PROBLEMS,
            "session_not_found",
            "precondition_failed",
            "payload_too_large",
            "unsupported_media_type",
            "precondition_required",
          ),
        },
      },
    },
    async (request, reply) => {
      requireMediaType(request.headers["content-type"], FRAGMENT);
      const { claims, params, headers, body } = request;
      const restarted = orThrow(sessions.patch(params.sessionId, claims, headers["if-match"], body));
      // Only the answer to an ICE restart has an ETag (RFC 9725 §4.3.2).
      if (restarted === null) return reply.code(204).send(null);
      return reply.code(200).header("etag", restarted.etag).type(FRAGMENT).send(restarted.fragment);
    },
  );

  // These resources have no representation, and a GET is no error for that (RFC 9725 §4.1).
  for (const url of ["/whip/:room", "/whep/:room", "/whep/:room/:identity"]) {
    app.get(url, { schema: { hide: true } }, async (_request, reply) => reply.code(204).send());
  }
  app.get(
    "/sessions/:sessionId",
    { schema: { hide: true, params: SessionPath } },
    async ({ claims, params }, reply) => {
      orThrow(sessions.find(params.sessionId, claims));
      return reply.code(204).send();
    },
  );

  app.delete(
    "/sessions/:sessionId",
    {
      schema: {
        tags: ["media sessions"],
        summary: "End a session",
        description: "Needs a token of the participant who opened the session.",
        params: SessionPath,
        response: {
          200: z.null().meta({ description: "The session has ended." }),
          ...problemResponses(...PATH_PROBLEMS, ...TOKEN_PROBLEMS, "session_not_found"),
        },
      },
    },
    async ({ claims, params }, reply) => {
      orThrow(sessions.end(params.sessionId, claims));
      // The schema says `null` for no body, but with status 200 `null` would be sent, as JSON.
      return reply.code(200).send(undefined as never);
    },
  );
};

function sessionHeaders({ sessionId, etag }: OpenedSession): Record<string, string> {
  return { location: `/sessions/${sessionId}`, etag, "accept-patch": FRAGMENT };
}

/** STUN and TURN servers for the client (RFC 9725 §4.6). None of the values needs escaping. */
function linkHeader(servers: readonly IceServer[]): Record<string, string> {
  const links = servers.flatMap(({ urls, credentials }) =>
    urls.map((url) => iceServerLink(url, credentials)),
  );
  return links.length > 0 ? { link: links.join(", ") } : {};
}

function iceServerLink(url: string, credentials: IceServer["credentials"]): string {
  const link = `<${url}>; rel="ice-server"`;
  if (credentials === undefined) return link;
  const { username, credential } = credentials;
  return `${link}; username="${username}"; credential="${credential}"; credential-type="password"`;
}

/** Both types have a parser in this scope, so each route would accept the other type as well. */
function requireMediaType(contentType: string | undefined, expected: string): void {
  const [essence = ""] = (contentType ?? "").split(";", 1);
  if (essence.trim().toLowerCase() !== expected) throw new HttpProblem("unsupported_media_type");
}
