/** Goal: the load on the control API reaches it, and answers that were not hoped for are told by their status. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { httpTable, loadRoutes, type RouteResult } from "../../loadtest/http/load-routes.ts";
import { type Environment, startServer } from "../system/support/server.ts";

async function load(env: Environment): Promise<RouteResult[]> {
  const server = await startServer(env);
  try {
    const room = `room-${randomBytes(2).toString("hex")}`;
    const options = { url: server.url, credentials: { kind: "development" }, room } as const;
    return await loadRoutes({ ...options, connections: 2, seconds: 1 }, () => {});
  } finally {
    await server.stop();
  }
}

test("every route answers as it should where no limit stands in the way", async () => {
  const results = await load({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1000000" });
  expect(results).toHaveLength(6);
  for (const { name, requests, unexpected, errors, non2xx } of results) {
    expect(requests, name).toBeGreaterThan(0);
    expect({ unexpected, errors }, name).toEqual({ unexpected: {}, errors: 0 });
    expect(non2xx, name).toBe(name.includes("no token") ? requests : 0);
  }
  expect(httpTable(results)).not.toContain("429");
});

test("a limit shows as 429", async () => {
  const results = await load({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "5" });
  const limited = results.filter(({ unexpected }) => "429" in unexpected).map(({ name }) => name);
  expect(limited).toEqual([
    "GET /v1/rooms, no token",
    "GET /v1/rooms",
    "GET /v1/rooms/:room",
    "GET …/participants",
  ]);
  expect(httpTable(results)).toContain("rateLimitPerMinute");
});
