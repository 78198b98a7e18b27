/** LiveKit's server API: Twirp over HTTP. All errors are in Twirp's form, also those from before a method is called. */
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Rooms } from "../../control/rooms.ts";
import { type TwirpCode, TwirpError } from "../../twirp/twirp-error.ts";
import { type Encoding, JSON_TYPE, PROTOBUF_TYPE, TwirpRouter } from "../../twirp/twirp-router.ts";
import { toProblem } from "../errors.ts";
import type { ProblemCode } from "../problem.ts";

/**
 * A participant's metadata and attributes, each at its limit of 64,000 bytes, with JSON's overhead. Larger: a holder of
 * a token makes us buffer more. Smaller: changes within the limits are refused.
 */
const MAX_BODY_BYTES = 262_144;

/** Refusals before a method is looked up. Twirp has no 405 or 415. */
const CODES: Partial<Record<ProblemCode, TwirpCode>> = {
  unauthorized: "unauthenticated",
  invalid_token: "unauthenticated",
  rate_limited: "resource_exhausted",
  payload_too_large: "malformed",
  method_not_allowed: "bad_route",
  unsupported_media_type: "bad_route",
  internal_error: "internal",
};

export const twirpRoutes: FastifyPluginAsync<{ rooms: Rooms }> = async (app, { rooms }) => {
  const router = new TwirpRouter(rooms);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([JSON_TYPE, PROTOBUF_TYPE], { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  app.post<{ Params: { "*": string } }>(
    "/twirp/*",
    { bodyLimit: MAX_BODY_BYTES, schema: { hide: true }, errorHandler: sendTwirpError },
    async (request, reply) => {
      const { params, body, claims, headers } = request;
      if (!(body instanceof Uint8Array)) {
        throw new TwirpError("bad_route", `POST a request as ${JSON_TYPE} or ${PROTOBUF_TYPE}`);
      }
      const encoding = encodingOf(headers["content-type"]);
      // An RPC to a client's application may take longer than the socket timeout, which must not close this then.
      reply.raw.on("timeout", () => {
        if (reply.raw.writableEnded) reply.raw.destroy();
      });
      const answer = await router.answer(params["*"], encoding, body, claims);
      return reply.header("content-type", encoding).send(Buffer.from(answer));
    },
  );
};

function sendTwirpError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { refusal, headers } = toTwirpError(error);
  if (refusal.code === "internal") request.log.error({ err: error }, "request failed");
  // Exactly this type, without a charset: by it clients distinguish our errors from a proxy's.
  return reply
    .code(refusal.status)
    .headers(headers)
    .header("content-type", JSON_TYPE)
    .send(Buffer.from(JSON.stringify(refusal.document)));
}

function encodingOf(contentType = ""): Encoding {
  return contentType.toLowerCase().startsWith(PROTOBUF_TYPE) ? PROTOBUF_TYPE : JSON_TYPE;
}

interface Refused {
  readonly refusal: TwirpError;
  readonly headers: Readonly<Record<string, string>>;
}

function toTwirpError(error: FastifyError): Refused {
  if (error instanceof TwirpError) return { refusal: error, headers: {} };
  const { code, document, extras } = toProblem(error);
  const refusal = new TwirpError(CODES[code] ?? "malformed", document.detail ?? document.title);
  return { refusal, headers: extras.headers ?? {} };
}
