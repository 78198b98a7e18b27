/**
 * Goal: webhooks outlive the server and an outage of their receiver.
 * Method: a whole server is killed (SIGKILL) with events in its queue, while nobody listens at their URL; a new one is
 * started on the same store, and then the receiver, which is LiveKit's own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { RoomServiceClient, type WebhookEvent, WebhookReceiver } from "livekit-server-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freeTcpPort } from "./support/free-ports.ts";
import { startServer, type TestServer } from "./support/server.ts";

const [KEY, SECRET] = ["hooks", "a-secret-for-webhooks-and-for-tokens-both"];
const LIMIT_MS = 30_000;

let directory: string;
let port: number;
let server: TestServer;
let closeReceiver: () => void = () => {};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "webhooks-"));
  port = await freeTcpPort();
});
afterEach(async () => {
  closeReceiver();
  await server?.stop();
  rmSync(directory, { recursive: true });
});

const start = (): Promise<TestServer> =>
  startServer({
    BLINDFOLD_AUTH_KEYS: `${KEY}:${SECRET}`,
    BLINDFOLD_STORE_PATH: join(directory, "store"),
    BLINDFOLD_WEBHOOKS_URLS: `http://127.0.0.1:${port}/hook`,
    BLINDFOLD_WEBHOOKS_MAX_RETRY_SECONDS: "1",
  });

const rooms = (): RoomServiceClient => new RoomServiceClient(server.url, KEY, SECRET);

/** Verified events, as they come; every third request is answered with 503 first. */
function startReceiver(events: WebhookEvent[]): void {
  const receiver = new WebhookReceiver(KEY, SECRET);
  let requests = 0;
  const http = createServer(async (request, response) => {
    const event = await receiver.receive(await text(request), request.headers.authorization);
    requests += 1;
    if (requests % 3 === 0) return response.writeHead(503).end();
    events.push(event);
    response.end();
  });
  http.listen(port, "127.0.0.1");
  closeReceiver = () => http.close().closeAllConnections();
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + LIMIT_MS; !(await holds()); ) {
    if (Date.now() > endMs) throw new Error(`not ${what} in time`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("what was queued is delivered in order by the next process, to a receiver that was down", async () => {
  server = await start();
  const expected: string[] = [];
  for (const name of ["one", "two", "three"]) {
    await rooms().createRoom({ name });
    await rooms().deleteRoom(name);
    expected.push(`room_started ${name}`, `room_finished ${name}`);
  }
  const queued = async (): Promise<number> =>
    (await server.metrics()).get("blindfold_webhook_queue_events") ?? -1;
  expect(await queued()).toBe(6);
  await server.kill();

  server = await start();
  expect(await queued()).toBe(6);
  await rooms().createRoom({ name: "four" });
  expected.push("room_started four");
  const events: WebhookEvent[] = [];
  startReceiver(events);
  await until("delivered", () => events.length >= 7);
  expect(events.map(({ event, room }) => `${event} ${room!.name}`)).toEqual(expected);
  expect(new Set(events.map(({ id }) => id)).size).toBe(7);
  await until("empty", async () => (await queued()) === 0);
  const metrics = await server.metrics();
  expect(metrics.get('blindfold_webhook_attempts_total{outcome="delivered"}')).toBe(7);
  expect(metrics.get('blindfold_webhook_attempts_total{outcome="failed"}')).toBeGreaterThanOrEqual(3);
});

test("a server that is asked to end tells of its rooms' end before it goes", async () => {
  const events: WebhookEvent[] = [];
  startReceiver(events);
  server = await start();
  await rooms().createRoom({ name: "hall" });
  await server.stop();
  expect(events.map(({ event }) => event)).toEqual(["room_started", "room_finished"]);
});
