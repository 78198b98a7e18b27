/**
 * The HTTP server: one Fastify instance with all routes, not yet listening.
 *
 *   request → rate limit → CORS → token → body limit → schema (zod) → handler → problem document or answer
 */
import cors from "@fastify/cors";
import rateLimit from "@fastify/rate-limit";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import type { Config } from "../config/load-config.ts";
import type { AccessTokens } from "../control/access-token.ts";
import type { Clock } from "../control/clock.ts";
import type { IceServers } from "../control/ice-servers.ts";
import type { Reports } from "../control/reports.ts";
import type { Rooms } from "../control/rooms.ts";
import type { SignalSessions } from "../signal/signal-sessions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { WhipSessions } from "../whip/whip-sessions.ts";
import { requireToken } from "./authorization.ts";
import { clientNetwork } from "./client-network.ts";
import { installErrorHandling, sendClientError, sendError } from "./errors.ts";
import { completeMethods } from "./methods.ts";
import { describeApi } from "./open-api.ts";
import { HttpProblem } from "./problem.ts";
import { requestCounts } from "./request-counts.ts";
import { admissionRoutes } from "./routes/admission.ts";
import { developmentRoutes } from "./routes/development.ts";
import { operationRoutes } from "./routes/operations.ts";
import { participantRoutes } from "./routes/participants.ts";
import { reportRoutes } from "./routes/reports.ts";
import { roomRoutes } from "./routes/rooms.ts";
import { isWebSocketPath, signalRoutes } from "./routes/signal.ts";
import { subscriptionRoutes } from "./routes/subscriptions.ts";
import { trackRoutes } from "./routes/tracks.ts";
import { twirpRoutes } from "./routes/twirp.ts";
import { whipRoutes } from "./routes/whip.ts";
import { SECURITY_HEADERS } from "./security-headers.ts";
import { testCallRoutes } from "./test-call/test-call-routes.ts";

export interface HttpServerDeps {
  readonly config: Pick<Config, "http" | "development">;
  readonly rooms: Rooms;
  readonly reports: Reports;
  readonly tokens: AccessTokens;
  readonly sessions: WhipSessions;
  readonly iceServers: IceServers;
  readonly signal: SignalSessions;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Time to receive a request, head and body. Larger: slow strangers hold sockets. Smaller: slow links fail. */
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * A connection is closed when its client reads nothing of an answer for this time, or up to twice as long. Larger:
 * strangers who never read hold sockets and buffers. Smaller: on a link that stalls the answer is lost.
 */
const SILENCE_MS = 15_000;

/** How often that is checked. Larger: strangers hold sockets for longer. Smaller: more passes over all sockets. */
const CHECKING_INTERVAL_MS = 2_000;

/** A name of 256 characters, each of which may take 12 when percent-encoded. Longer parts of a path are refused. */
const MAX_PATH_PART_CHARS = 256 * 12;

/** Values of the metrics' label; strangers may send others. */
const MEASURED_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Response headers that scripts of other origins may read (WHIP needs all of them). */
const EXPOSED_HEADERS = ["Location", "ETag", "Link", "Accept-Patch", "Accept-Post", "Retry-After"];

export async function createHttpServer(deps: HttpServerDeps): Promise<FastifyInstance> {
  const { config, rooms, reports, tokens, sessions, iceServers, signal, metrics, clock, log } = deps;
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    // We log one line for each exchange, see observeExchange.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.http.bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: SILENCE_MS,
    http: {
      connectionsCheckingInterval: CHECKING_INTERVAL_MS,
      // The server no longer manages an upgraded socket: nothing would close it at a path without WebSockets.
      shouldUpgradeCallback: ({ method, url = "" }) => method === "GET" && isWebSocketPath(url),
    },
    trustProxy: config.http.trustedProxies.length > 0 ? [...config.http.trustedProxies] : false,
    routerOptions: { maxParamLength: MAX_PATH_PART_CHARS },
    // While draining, /readyz reports it in a problem document; requests under way are still answered.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void refuseUnread(error, request, reply),
    clientErrorHandler: sendClientError,
  });
  /**
   * Fastify runs no hook for a path that it can not read: this does what they would. Nor does it read X-Forwarded-For
   * then, so such requests count for the proxy that they came by.
   */
  async function refuseUnread(
    error: FastifyError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const startedMs = performance.now();
    reply.headers(SECURITY_HEADERS);
    reply.raw.once("finish", () =>
      observeExchange(metrics, request, reply, (performance.now() - startedMs) / 1000),
    );
    const count = await countRequest(request);
    if (count.isAllowed || !count.isExceeded) return void sendError(error, request, reply);
    reply.header("retry-after", count.ttlInSeconds);
    sendError(new HttpProblem("rate_limited"), request, reply);
  }
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser("text/plain");
  // No DELETE takes a body, so it is not parsed: many clients set a content type, mostly JSON, even without a body.
  app.addHttpMethod("DELETE", { hasBody: false, overrideExisting: true });
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  app.addHook("onResponse", async (request, reply) => {
    observeExchange(metrics, request, reply, reply.elapsedTime / 1000);
  });
  await app.register(rateLimit, {
    max: config.http.rateLimitPerMinute,
    timeWindow: 60_000,
    store: requestCounts(clock),
    keyGenerator: ({ ip }) => clientNetwork(ip),
    errorResponseBuilder: () => new HttpProblem("rate_limited"),
  });
  const countRequest = app.createRateLimit();
  installErrorHandling(app);
  await allowOrigins(app, config.http.corsOrigins);

  await describeApi(app);
  const addMissingMethods = completeMethods(app);
  await app.register(operationRoutes, { rooms, metrics });
  await app.register(async (api) => {
    requireToken(api, tokens);
    api.addHook("onRoute", (route) => {
      if (route.schema !== undefined) route.schema.security = [{ token: [] }];
    });
    await api.register(roomRoutes, { rooms });
    await api.register(participantRoutes, { rooms });
    await api.register(admissionRoutes, { rooms });
    await api.register(reportRoutes, { reports });
    await api.register(trackRoutes, { rooms });
    await api.register(subscriptionRoutes, { rooms });
    await api.register(whipRoutes, { sessions, iceServers });
    await api.register(twirpRoutes, { rooms });
  });
  await app.register(signalRoutes, { sessions: signal, tokens });
  if (config.development) {
    await app.register(developmentRoutes, { tokens });
    await app.register(testCallRoutes);
  }
  addMissingMethods();
  await app.ready();
  return app;
}

/**
 * One metric and one log line for each exchange; at `info` only for those that change something. Refused ones change
 * nothing, and a stranger could fill a disk with them.
 */
function observeExchange(
  metrics: Metrics,
  request: FastifyRequest,
  reply: FastifyReply,
  seconds: number,
): void {
  const { method } = request;
  const route = request.routeOptions.url ?? "unmatched";
  const status = reply.statusCode;
  const measured = MEASURED_METHODS.has(method) ? method : "_OTHER";
  metrics.onHttpExchange({ method: measured, route, status, seconds });
  const isRefused = status >= 400 && status < 500;
  const isChange = !isRefused && method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
  request.log[isChange ? "info" : "debug"]({ method, route, status, ip: request.ip }, "request answered");
}

/** Tokens are sent by scripts, never by the browser itself, so CORS gives other origins no access without a token. */
async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: origins.includes("*") ? "*" : [...origins],
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: ["Authorization", "Content-Type", "If-Match"],
    exposedHeaders: EXPOSED_HEADERS,
    // Our own OPTIONS handlers answer, with `Allow`; the plugin adds its headers.
    preflightContinue: true,
    strictPreflight: false,
  });
}
