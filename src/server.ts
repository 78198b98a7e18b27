/** Composition root: builds the planes from one configuration and joins them. No logic of its own. */
import { type AddressInfo, isIPv6 } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "./config/load-config.ts";
import { AccessTokens } from "./control/access-token.ts";
import { systemClock } from "./control/clock.ts";
import { DataThread } from "./control/data-thread.ts";
import { IceServers } from "./control/ice-servers.ts";
import { MediaThreads } from "./control/media-threads.ts";
import { Reports } from "./control/reports.ts";
import { Rooms } from "./control/rooms.ts";
import { createHttpServer } from "./http/create-http-server.ts";
import { SignalSessions } from "./signal/signal-sessions.ts";
import { BanTable } from "./store/ban-table.ts";
import { Store } from "./store/database.ts";
import { ReportTable } from "./store/report-table.ts";
import { RevocationTable } from "./store/revocation-table.ts";
import { WebhookQueue } from "./store/webhook-queue.ts";
import { Metrics } from "./telemetry/metrics.ts";
import { Threads } from "./threads.ts";
import { postWebhook } from "./webhooks/post-webhook.ts";
import { Webhooks } from "./webhooks/webhooks.ts";
import { WhipSessions } from "./whip/whip-sessions.ts";

export interface Server {
  /** Where HTTP is served, without a trailing slash. */
  readonly url: string;
  readonly rooms: Rooms;
  readonly mediaThreads: MediaThreads;
  /** Stops admitting, waits until all participants have left or the deadline passes, and ends everything. */
  drain(): Promise<void>;
}

/** How often a draining server checks whether everybody has left. */
const DRAIN_POLL_MS = 100;

/** How long the last webhooks may take. Larger: a slow receiver delays the exit. Smaller: more wait for the next start. */
const LAST_WEBHOOKS_MS = 2_000;

/**
 * How long requests under way may take: one that never ends would delay the exit for ever, because a closing HTTP server
 * enforces no timeouts. Larger: any client can delay the exit for longer. Smaller: an answer is cut off.
 */
const LAST_ANSWERS_MS = 2_000;

export async function startServer(config: Config, log: Logger): Promise<Server> {
  const store = new Store(config.store.path);
  const database = config.webhooks.urls.length > 0 ? store.database : null;
  const metrics = new Metrics();
  const mediaThreads = new MediaThreads(systemClock);
  const dataThread = new DataThread(metrics.data, systemClock);
  const threads = new Threads(config, log, metrics, mediaThreads, dataThread, systemClock);
  await threads.start();

  const surroundings = {
    threads: mediaThreads,
    transportsPerThread: config.media.roomTransportsPerThread,
    fingerprint: threads.fingerprint,
    dataThread,
    clock: systemClock,
    log,
  };
  const rooms = new Rooms(config.rooms, surroundings, {
    bans: new BanTable(store),
    revocations: new RevocationTable(store),
  });
  metrics.exposeRooms(() => rooms.counts);
  rooms.events.on((event) => {
    // A track that is forwarded from another room is counted there.
    if (event.kind === "track.suspect" && event.track.suspect && event.track.source === null)
      metrics.onSuspectTrack("found");
    if (event.kind === "track.unpublished" && event.reason === "not_encrypted") metrics.onSuspectTrack("cut");
  });
  const tokens = new AccessTokens(config.auth.keys, systemClock);
  const webhooks =
    database &&
    new Webhooks(config.webhooks, rooms.events, {
      queue: new WebhookQueue(database, config.webhooks.maxQueuedPerUrl),
      post: postWebhook(tokens, config.webhooks.apiKey, config.webhooks.timeoutSeconds),
      clock: systemClock,
      metrics: metrics.webhooks,
      log,
    });
  const reports = new Reports({
    rooms,
    store: new ReportTable(store),
    keepDays: config.reports.keepDays,
    clock: systemClock,
    log,
    onReport(report, room) {
      metrics.onReport(report.reason);
      webhooks?.onReport(report, room);
    },
  });
  const sessions = new WhipSessions(rooms);
  const iceServers = new IceServers(config.ice, systemClock);
  const signal = new SignalSessions(rooms, iceServers, tokens, systemClock, metrics.signal);
  const http = await createHttpServer({
    config,
    rooms,
    reports,
    tokens,
    sessions,
    iceServers,
    signal,
    metrics,
    clock: systemClock,
    log,
  });

  async function end(): Promise<void> {
    webhooks?.stop();
    reports.stop();
    store.close();
    await Promise.race([http.close(), delay(LAST_ANSWERS_MS)]);
    http.server.closeAllConnections();
    await threads.stop();
  }

  try {
    await http.listen({ host: config.http.host, port: config.http.port });
  } catch (error) {
    await end();
    throw error;
  }
  // With port 0 the system has chosen one.
  const { port } = http.server.address() as AddressInfo;
  const host = isIPv6(config.http.host) ? `[${config.http.host}]` : config.http.host;

  return {
    url: `http://${host}:${port}`,
    rooms,
    mediaThreads,
    async drain() {
      rooms.drain();
      // A monotonic clock: the time of day may be set.
      const deadlineMs = performance.now() + config.shutdown.drainSeconds * 1000;
      while (rooms.counts.participants > 0 && performance.now() < deadlineMs) await delay(DRAIN_POLL_MS);
      rooms.deleteAll();
      await Promise.race([webhooks?.settled(), delay(LAST_WEBHOOKS_MS)]);
      await end();
    },
  };
}
