/**
 * Goal: the description of the API says of each operation what it answers, to requests that get nowhere too.
 * Method: each operation that is described is asked in every wrong way there is; `ask()` holds the answers against the
 * description, here and in all other tests.
 */
import type { InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { ask, serve } from "./server.ts";

type Wrong = Omit<InjectOptions, "method" | "url"> & { readonly token?: string };

const EVERYTHING = { roomJoin: true, roomAdmin: true, roomCreate: true, roomList: true };

/** Of what a path has braces for. */
const NAME = "hall";
const LONG_NAMES = [129, 257, 4_000].map((length) => "x".repeat(length));

const BODIES: readonly Wrong[] = [
  {},
  { payload: "{}", headers: { "content-type": "application/json" } },
  { payload: '{"x":1}', headers: { "content-type": "application/json" } },
  { payload: '{"x":', headers: { "content-type": "application/json" } },
  { payload: "v=0\r\n", headers: { "content-type": "application/sdp", "if-match": "*" } },
  { payload: "v=0\r\n", headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": '"9"' } },
  ...["application/json", "application/sdp", "application/trickle-ice-sdpfrag", "text/plain"].map((type) => ({
    payload: JSON.stringify("x".repeat(70_000)),
    headers: { "content-type": type },
  })),
];

test("wrong requests are answered as described, whatever the operation", async () => {
  const server = await serve();
  const { paths = {} } = server.app.swagger();
  const good = await server.token("ada", EVERYTHING);
  const tokens = [good, await server.token("ada", {}), "x.y.z"];
  const wrongs = [{}, ...tokens.flatMap((token) => BODIES.map((body) => ({ ...body, token })))];
  let asked = 0;
  for (const [path, item] of Object.entries(paths)) {
    const named = (name: string): string => path.replaceAll(/\{\w+\}/g, name);
    for (const method of Object.keys(item ?? {}).map((key) => key.toUpperCase())) {
      for (const wrong of wrongs) await ask(server, `${method} ${named(NAME)}`, wrong);
      for (const name of LONG_NAMES) await ask(server, `${method} ${named(name)}`, { token: good });
      asked += 1;
    }
  }
  expect(asked).toBeGreaterThan(20);
});
