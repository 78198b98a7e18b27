/**
 * Goal: the description of the API says of each operation what it answers, to requests that get nowhere too.
 * Method: each operation that is described is asked in every wrong way there is; `ask()` holds the answers against the
 * description, here and in all other tests. The other way round, what is described of such requests has to happen.
 */
import type { InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { describedOperations } from "./described.ts";
import { ask, serve } from "./server.ts";

type Wrong = Omit<InjectOptions, "method" | "url"> & { readonly token?: string };

const EVERYTHING = { roomJoin: true, roomAdmin: true, roomCreate: true, roomList: true };

/** Of what a path has braces for. */
const NAME = "hall";
const LONG_NAMES = [129, 257, 4_000].map((length) => "x".repeat(length));

const TYPES = ["application/json", "application/sdp", "application/trickle-ice-sdpfrag"];

const BODIES: readonly Wrong[] = [
  {},
  { payload: "{}", headers: { "content-type": "application/json" } },
  { payload: '{"x":1}', headers: { "content-type": "application/json" } },
  { payload: '{"x":', headers: { "content-type": "application/json" } },
  { payload: "v=0\r\n", headers: { "content-type": "application/sdp", "if-match": "*" } },
  { payload: "v=0\r\n", headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": '"9"' } },
  ...TYPES.map((type) => ({
    payload: "cut off",
    headers: { "content-type": type, "content-length": "99" },
  })),
  ...[...TYPES, "text/plain"].map((type) => ({
    payload: JSON.stringify("x".repeat(70_000)),
    headers: { "content-type": type },
  })),
];

/** Problems that are found before a handler runs, so that a request brings them about whatever the state of the server. */
const EARLY = [
  "bad_request",
  "invalid_request",
  "unauthorized",
  "invalid_token",
  "payload_too_large",
  "uri_too_long",
  "unsupported_media_type",
  "rate_limited",
];

const named = (path: string, name: string): string => path.replaceAll(/\{\w+\}/g, name);

test("wrong requests are answered as described, whatever the operation", async () => {
  const server = await serve();
  const good = await server.token("ada", EVERYTHING);
  const tokens = [good, await server.token("ada", {}), "x.y.z"];
  const wrongs = [{}, ...tokens.flatMap((token) => BODIES.map((body) => ({ ...body, token })))];
  const operations = describedOperations(server.app);
  for (const { method, path } of operations) {
    for (const wrong of wrongs) await ask(server, `${method} ${named(path, NAME)}`, wrong);
    for (const name of LONG_NAMES) await ask(server, `${method} ${named(path, name)}`, { token: good });
  }
  expect(operations.length).toBeGreaterThan(20);
});

test("and what is described of them happens", async () => {
  const server = await serve();
  const busy = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1" });
  await ask(busy, "GET /problems");
  const token = await server.token("ada", EVERYTHING);
  const missed: string[] = [];
  for (const { method, path, problems } of describedOperations(server.app)) {
    const request = `${method} ${named(path, NAME)}`;
    const replies = await Promise.all([
      ask(busy, request),
      ask(server, request),
      ask(server, request, { token: "x.y.z" }),
      ask(server, `${request}?unknown=1`, { token }),
      ...BODIES.map((body) => ask(server, request, { ...body, token })),
      ...LONG_NAMES.map((name) => ask(server, `${method} ${named(path, name)}`, { token })),
    ]);
    const given = replies.map((reply) => (reply.statusCode < 400 ? "" : reply.json().code));
    const early = problems.filter((code) => EARLY.includes(code));
    missed.push(...early.filter((code) => !given.includes(code)).map((code) => `${request}: ${code}`));
  }
  expect(missed).toEqual([]);
});
