/** LiveKit's server API: Twirp over HTTP. Its errors have a form of their own, whoever makes them. */
import type { FastifyError, FastifyPluginAsync } from "fastify";
import type { Rooms } from "../../control/rooms.ts";
import { type TwirpCode, TwirpError } from "../../twirp/twirp-error.ts";
import { type Encoding, JSON_TYPE, PROTOBUF_TYPE, TwirpRouter } from "../../twirp/twirp-router.ts";
import { toProblem } from "../errors.ts";
import type { ProblemCode } from "../problem.ts";

/**
 * A participant's metadata and attributes, each at its limit of 64,000 bytes, with what JSON adds to them. Larger: a
 * holder of a token makes us buffer more. Smaller: changes within the limits are refused.
 */
const MAX_BODY_BYTES = 262_144;

/** What is refused before a method is looked for. Twirp knows no other method than POST and has no 405 or 415. */
const CODES: Partial<Record<ProblemCode, TwirpCode>> = {
  unauthorized: "unauthenticated",
  invalid_token: "unauthenticated",
  rate_limited: "resource_exhausted",
  payload_too_large: "malformed",
  unsupported_media_type: "bad_route",
  internal_error: "internal",
};

export const twirpRoutes: FastifyPluginAsync<{ rooms: Rooms }> = async (app, { rooms }) => {
  const router = new TwirpRouter(rooms);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([JSON_TYPE, PROTOBUF_TYPE], { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { refusal, headers } = toTwirpError(error);
    if (refusal.code === "internal") request.log.error({ err: error }, "request failed");
    // The exact type: clients look for it, without a charset, to tell our errors from a proxy's.
    return reply
      .code(refusal.status)
      .headers(headers)
      .header("content-type", JSON_TYPE)
      .send(Buffer.from(JSON.stringify(refusal.document)));
  });

  app.route<{ Params: { "*": string } }>({
    method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    url: "/twirp/*",
    bodyLimit: MAX_BODY_BYTES,
    schema: { hide: true },
    handler: async (request, reply) => {
      const { method, params, body, claims, headers } = request;
      if (method !== "POST" || !(body instanceof Uint8Array)) {
        throw new TwirpError("bad_route", `POST a request as ${JSON_TYPE} or ${PROTOBUF_TYPE}`);
      }
      const encoding = encodingOf(headers["content-type"]);
      // A client's application that is called may take longer than a socket may be silent: who waits for it is not let go.
      reply.raw.on("timeout", () => {
        if (reply.raw.writableEnded) reply.raw.destroy();
      });
      const answer = await router.answer(params["*"], encoding, body, claims);
      return reply.header("content-type", encoding).send(Buffer.from(answer));
    },
  });
};

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
