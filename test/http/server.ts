/** What HTTP tests share: the real server over real control, asked without a socket. */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { type Logger, pino } from "pino";
import { expect } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { AccessTokens, type Grants } from "../../src/control/access-token.ts";
import { IceServers } from "../../src/control/ice-servers.ts";
import { Reports } from "../../src/control/reports.ts";
import type { RoomDefaults } from "../../src/control/rooms.ts";
import { createHttpServer } from "../../src/http/create-http-server.ts";
import { SignalSessions } from "../../src/signal/signal-sessions.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { WhipSessions } from "../../src/whip/whip-sessions.ts";
import { type Conference, conference, RecordingReportStore } from "../control/conference.ts";
import { expectAsDescribed } from "./described.ts";

export interface Server extends Conference {
  readonly app: FastifyInstance;
  readonly tokens: AccessTokens;
  readonly metrics: Metrics;
  readonly reportStore: RecordingReportStore;
  /** A token for `identity` with these grants; the room is `hall` unless they say otherwise. */
  token(identity: string, grants: Partial<Grants>): Promise<string>;
}

export async function serve(
  env: Record<string, string> = {},
  defaults: Partial<RoomDefaults> = {},
  log: Logger = pino({ level: "silent" }),
): Promise<Server> {
  const loaded = loadConfig([], { BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1000000", ...env });
  if (!loaded.ok) throw new Error(loaded.lines.join("\n"));
  const { config } = loaded;
  const hall = conference(defaults, 64, log);
  const tokens = new AccessTokens(config.auth.keys, hall.clock);
  const metrics = new Metrics();
  const { rooms } = hall;
  const iceServers = new IceServers(config.ice, hall.clock);
  const reportStore = new RecordingReportStore();
  const app = await createHttpServer({
    config,
    rooms,
    reports: new Reports({
      rooms,
      store: reportStore,
      keepDays: config.reports.keepDays,
      clock: hall.clock,
      log,
      onReport: ({ reason }) => metrics.onReport(reason),
    }),
    tokens,
    sessions: new WhipSessions(rooms),
    iceServers,
    signal: new SignalSessions(rooms, iceServers, tokens, hall.clock, metrics.signal),
    metrics,
    clock: hall.clock,
    log,
  });
  const token = (identity: string, grants: Partial<Grants>): Promise<string> =>
    tokens.issue({ identity, grants: { room: "hall", ...grants }, validSeconds: 60 });
  return { ...hall, app, tokens, metrics, reportStore, token };
}

/** Asks, and holds the answer against what the API says of itself. */
export async function ask(
  { app }: Pick<Server, "app">,
  request: string,
  { token, ...rest }: InjectOptions & { token?: string } = {},
): Promise<LightMyRequestResponse> {
  const [method, url] = request.split(" ") as [NonNullable<InjectOptions["method"]>, string];
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const reply = await app.inject({ ...rest, method, url, headers: { ...authorization, ...rest.headers } });
  expectAsDescribed(app, request, reply);
  return reply;
}

/** Checks that an answer is a problem document in full, and of this code. */
export function expectProblem(response: LightMyRequestResponse, status: number, code: string): void {
  expect([response.statusCode, response.json().code]).toEqual([status, code]);
  expect(response.headers["content-type"]).toBe("application/problem+json");
  expect(response.json()).toMatchObject({
    type: `/problems#${code}`,
    title: expect.stringMatching(/./),
    status,
    code,
  });
}
