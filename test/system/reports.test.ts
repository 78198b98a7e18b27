/**
 * Goal: a report reaches the operator by every way there is, and outlives the server.
 * Method: a whole server, whose webhooks nobody takes, is killed (SIGKILL) after the answer and started again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AccessToken, type VideoGrant } from "livekit-server-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freeTcpPort } from "./support/free-ports.ts";
import { startServer, type TestServer } from "./support/server.ts";

const [KEY, SECRET] = ["key", "a-secret-for-reports-and-for-all-the-tokens"];

let directory: string;
let server: TestServer;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "reports-"));
});
afterEach(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true });
});

async function ask(path: string, grant: VideoGrant, body?: object): Promise<Response> {
  const token = new AccessToken(KEY, SECRET, { identity: "bo" });
  token.addGrant(grant);
  const headers = { authorization: `Bearer ${await token.toJwt()}`, "content-type": "application/json" };
  const post = body && { method: "POST", body: JSON.stringify(body) };
  return fetch(`${server.url}${path}`, { headers, ...post });
}

test("a report is stored, counted and told, and still there after a kill", async () => {
  const port = await freeTcpPort();
  const start = (): Promise<TestServer> =>
    startServer({
      BLINDFOLD_AUTH_KEYS: `${KEY}:${SECRET}`,
      BLINDFOLD_STORE_PATH: join(directory, "store"),
      BLINDFOLD_WEBHOOKS_URLS: `http://127.0.0.1:${port}/hook`,
    });
  server = await start();
  const complaint = { identity: "ada", reason: "spam", comment: "…" };
  const member = { roomJoin: true, room: "hall" };
  const made = await ask("/v1/rooms/hall/reports", member, complaint);
  expect(made.status).toBe(201);
  const { id } = (await made.json()) as { id: string };
  const metrics = await server.metrics();
  expect(metrics.get('blindfold_reports_total{reason="spam"}')).toBe(1);
  expect(metrics.get("blindfold_webhook_queue_events")).toBe(1);
  await server.kill();

  server = await start();
  const listed = await ask("/v1/reports", { roomList: true, roomCreate: true });
  expect(await listed.json()).toMatchObject({
    reports: [{ ...complaint, id, room: "hall", reporter: "bo" }],
  });
});
