/**
 * LiveKit's client protocol over WebSockets. Browsers, which cannot set headers, send the token as a query parameter,
 * others in a header; without a valid token the upgrade is refused.
 */
import websocket, { type WebSocket } from "@fastify/websocket";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AccessTokens, Claims } from "../../control/access-token.ts";
import { type JoinParams, type Query, readJoinParams, textOf } from "../../signal/join-request.ts";
import type { ConnectError, SignalSessions } from "../../signal/signal-sessions.ts";

/**
 * A description of a large room has up to 640 kB, and `sync_state` holds two. Larger: one message of a client costs
 * more memory. Smaller: clients in large rooms cannot resume.
 */
const MAX_MESSAGE_BYTES = 1_572_864;

interface Joining {
  readonly claims: Claims;
  readonly params: JoinParams;
}

/** Status and text of a refusal: clients show the text, and distinguish some refusals by the status. */
type Refusal = readonly [status: number, text: string];

const NO_TOKEN: Refusal = [401, "an access token is needed"];
const BAD_TOKEN: Refusal = [401, "the access token is not valid"];
const UNSUPPORTED: Refusal = [
  401,
  "the access token asks for egress, agents or a room preset, which this server does not have",
];
const BAD_REQUEST: Refusal = [400, "the join request can not be read"];

const REFUSALS: Readonly<Record<ConnectError, Refusal>> = {
  forbidden: [403, "the access token does not grant this"],
  identity_required: [403, "the access token names no identity"],
  // By this text clients recognise that the room is missing, not this path.
  room_not_found: [404, "requested room does not exist"],
  invalid_room_name: [400, "the room's name is not valid"],
  room_full: [403, "the room is full"],
  banned: [403, "banned from the room"],
  room_locked: [403, "the room is locked"],
  awaiting_admission: [403, "waiting to be admitted"],
  admission_denied: [403, "admission was denied"],
  // With this status clients give up; after a `leave` message they would join anew.
  session_over: [403, "the session was ended"],
  draining: [503, "the server is shutting down"],
};

const PATHS = ["/rtc", "/rtc/v1"];

/** Whether the request target accepts WebSockets. */
export function isWebSocketPath(url: string): boolean {
  return PATHS.includes(url.split("?", 1)[0]!);
}

export interface SignalRouteDeps {
  readonly sessions: SignalSessions;
  readonly tokens: AccessTokens;
}

export async function signalRoutes(
  app: FastifyInstance,
  { sessions, tokens }: SignalRouteDeps,
): Promise<void> {
  await app.register(websocket, { options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false } });
  const joinings = new WeakMap<FastifyRequest, Joining>();

  app.addHook("onRequest", async (_request, reply) => {
    // Scripts of any origin may learn whether their token is valid.
    reply.header("access-control-allow-origin", "*");
  });

  for (const path of PATHS) {
    const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
      const joining = await admission(request, path === "/rtc/v1");
      if (isRefusal(joining)) return refuse(reply, joining);
      joinings.set(request, joining);
      return undefined;
    };
    app.get(path, { websocket: true, schema: { hide: true }, preValidation: admit }, (socket, request) => {
      const joining = joinings.get(request);
      if (joining !== undefined) carry(socket, sessions, joining, request.log);
    });
    app.get(`${path}/validate`, { schema: { hide: true } }, async (request, reply) => {
      const joining = await admission(request, path === "/rtc/v1");
      return isRefusal(joining) ? refuse(reply, joining) : reply.type("text/plain").send("success");
    });
  }

  /** Makes all refusals before the WebSocket is opened. */
  async function admission(request: FastifyRequest, needsJoinRequest: boolean): Promise<Joining | Refusal> {
    const query = request.query as Query;
    const token = textOf(query, "access_token") || bearerOf(request);
    if (token === "") return NO_TOKEN;
    const verified = await tokens.verify(token);
    if (!verified.ok) return verified.error === "unsupported" ? UNSUPPORTED : BAD_TOKEN;
    const params = readJoinParams(query, needsJoinRequest);
    if (!params.ok) return BAD_REQUEST;
    const error = sessions.check(verified.value, params.value);
    return error === null ? { claims: verified.value, params: params.value } : REFUSALS[error];
  }
}

function bearerOf(request: FastifyRequest): string {
  return /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

function isRefusal(joining: Joining | Refusal): joining is Refusal {
  return Array.isArray(joining);
}

function refuse(reply: FastifyReply, [status, text]: Refusal): FastifyReply {
  return reply.code(status).type("text/plain").send(text);
}

function carry(
  socket: WebSocket,
  sessions: SignalSessions,
  { claims, params }: Joining,
  log: FastifyBaseLogger,
): void {
  const connection = sessions.connect(claims, params, {
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
  });
  socket.on("message", (data: Buffer, isBinary) => {
    try {
      connection.receive(data, isBinary ? "binary" : "json");
    } catch (error) {
      // Uncaught, an error from one client's message would end the server for all.
      log.error({ err: error }, "message failed");
    }
  });
  socket.on("close", () => connection.onClosed());
  // An invalid frame is followed by a close, which is handled above.
  socket.on("error", () => {});
}
