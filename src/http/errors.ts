/** Turns all errors between socket and handler into problem documents. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { HttpProblem, PROBLEM_MEDIA_TYPE, type ProblemCode } from "./problem.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";

/** Errors that Fastify and its plugins throw for bad requests. Any other is a bug of ours. */
const FASTIFY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_BAD_URL: "bad_request",
  FST_ERR_CTP_EMPTY_JSON_BODY: "bad_request",
  FST_ERR_CTP_EMPTY_TYPE: "unsupported_media_type",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "bad_request",
  FST_ERR_CTP_INVALID_JSON_BODY: "bad_request",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_BODY_TOO_LARGE: "payload_too_large",
  FST_ERR_MAX_PARAM_LENGTH: "uri_too_long",
};

/** Node's errors for connections without a complete request. Any other means that the bytes are not valid HTTP. */
const NODE_CODES: Readonly<Record<string, ProblemCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
  HPE_HEADER_OVERFLOW: "headers_too_large",
};

export function installErrorHandling(app: FastifyInstance): void {
  app.setErrorHandler(sendError);
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, () => {
    throw new HttpProblem("not_found");
  });
}

export function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = nameMediaTypes(toProblem(error), request);
  if (problem.code === "internal_error") request.log.error({ err: error }, "request failed");
  const { headers } = problem.extras;
  if (headers !== undefined) reply.headers(headers);
  // Serialised here, since a route's schema is for its own answers.
  return reply
    .code(problem.status)
    .header("content-type", PROBLEM_MEDIA_TYPE)
    .serializer((document: unknown) => JSON.stringify(document))
    .send(problem.document);
}

/** The problem to answer for an error of Fastify, of its plugins or of ours. */
export function toProblem(error: FastifyError): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map(({ instancePath, message }) => ({
      path: `${error.validationContext ?? "request"}${instancePath === "/" ? "" : instancePath}`,
      message: message ?? "is not valid",
    }));
    return new HttpProblem("invalid_request", { errors });
  }
  const code = FASTIFY_CODES[error.code];
  return new HttpProblem(code ?? (isBadRequest(error) ? "bad_request" : "internal_error"));
}

/** A 415 says what the resource takes (RFC 9110 §15.5.16; RFC 5789 §2.2 for PATCH). */
function nameMediaTypes(problem: HttpProblem, { method, routeOptions }: FastifyRequest): HttpProblem {
  if (problem.code !== "unsupported_media_type") return problem;
  const types = (routeOptions.schema?.consumes ?? ["application/json"]).join(", ");
  return new HttpProblem(problem.code, {
    detail: `The body has to be ${types}`,
    headers: { accept: types, [`accept-${method.toLowerCase()}`]: types },
  });
}

/** Invalid JSON, or JSON with a `__proto__` key, causes an error without a code. */
function isBadRequest(error: FastifyError): boolean {
  return error.statusCode === 400;
}

/**
 * How long a client may take to read such an answer and to close its side. Larger: strangers who do not close hold
 * sockets for longer. Smaller: on a slow link the answer is lost.
 */
const LAST_WORDS_MS = 1_000;

/** An incomplete request has no reply object: writes the answer to the socket, which has to be closed here as well. */
export function sendClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return;
  const problem = new HttpProblem(NODE_CODES[error.code ?? ""] ?? "bad_request");
  const body = JSON.stringify(problem.document);
  const headers = Object.entries({
    ...SECURITY_HEADERS,
    "content-type": PROBLEM_MEDIA_TYPE,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const statusLine = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`;
  socket.end(`${statusLine}${headers.join("")}\r\n${body}`);
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
}
