/** Goal: the log says what has changed, and no stranger can fill it. */
import { expect, test } from "vitest";
import { createLogger } from "../../src/telemetry/logger.ts";
import { ask, serve } from "./server.ts";

test("who is refused leaves no line, however often it asks; who changes something leaves one", async () => {
  const lines: string[] = [];
  const log = createLogger("info", { write: (line) => void lines.push(line) });
  const server = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "10" }, {}, log);
  const payload = { name: "hall" };
  for (let i = 0; i < 50; i++) await ask(server, "POST /v1/rooms", { payload });
  await ask(server, "DELETE /nowhere", { remoteAddress: "192.0.2.1" });
  expect(lines).toEqual([]);
  const token = await server.token("app", { roomCreate: true });
  const created = await ask(server, "POST /v1/rooms", { token, payload, remoteAddress: "192.0.2.1" });
  expect(created.statusCode).toBe(201);
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "request answered");
  expect(answered).toMatchObject([{ level: "info", method: "POST", route: "/v1/rooms", status: 201 }]);
});

test.each([
  ["info", [undefined]],
  ["debug", ["192.0.2.1", "192.0.2.2"]],
])("at %s an answered request has the addresses %j", async (level, addresses) => {
  const lines: string[] = [];
  const log = createLogger(level, { write: (line) => void lines.push(line) });
  const server = await serve({}, {}, log);
  const token = await server.token("app", { roomCreate: true });
  const payload = { name: "hall" };
  await ask(server, "POST /v1/rooms", { token, payload, remoteAddress: "192.0.2.1" });
  await ask(server, "POST /v1/rooms", { payload, remoteAddress: "192.0.2.2" });
  const answered = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === "request answered");
  expect(answered.map(({ ip }) => ip)).toEqual(addresses);
  if (level === "info") expect(lines.join()).not.toContain("192.0.2");
});
