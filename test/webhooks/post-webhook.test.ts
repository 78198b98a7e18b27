/**
 * Goal: LiveKit's own receiver accepts what is sent, and no receiver can do more than answer a number.
 * Method: HTTP servers on loopback that behave well or badly.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { WebhookEvent } from "@livekit/protocol";
import { WebhookReceiver } from "livekit-server-sdk";
import { afterEach, expect, test } from "vitest";
import { AccessTokens } from "../../src/control/access-token.ts";
import { systemClock } from "../../src/control/clock.ts";
import { postWebhook } from "../../src/webhooks/post-webhook.ts";

const SECRET = "the secret of one key, of thirty-two bytes";
const tokens = new AccessTokens({ other: "o".repeat(32), key: SECRET }, systemClock);
const post = postWebhook(tokens, "key", 1);
const BODY = new WebhookEvent({
  event: "room_started",
  id: "EV_1",
  room: { name: "Ümläut 🎤" },
}).toJsonString();

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?secret=1`;
}

test("the SDK's receiver verifies it, and refuses it with another body or another secret", async () => {
  const received = Promise.withResolvers<{ request: IncomingMessage; body: string }>();
  const url = await serve(async (request, response) => {
    received.resolve({ request, body: await text(request) });
    response.end();
  });
  expect(await post(url, BODY)).toEqual({ status: 200 });
  const { request, body } = await received.promise;
  expect([request.method, request.url, request.headers["content-type"]]).toEqual([
    "POST",
    "/hook?secret=1",
    "application/webhook+json",
  ]);
  const { authorization } = request.headers;
  const event = await new WebhookReceiver("key", SECRET).receive(body, authorization);
  expect(event).toMatchObject({ event: "room_started", id: "EV_1", room: { name: "Ümläut 🎤" } });
  await expect(new WebhookReceiver("key", SECRET).receive(`${body} `, authorization)).rejects.toThrow(
    "sha256",
  );
  await expect(new WebhookReceiver("key", "o".repeat(32)).receive(body, authorization)).rejects.toThrow();
});

test.each([[204], [301], [307], [401], [500]])(
  "an answer of %d is that number, and leads nowhere",
  async (status) => {
    let others = 0;
    const elsewhere = await serve((_request, response) => {
      others += 1;
      response.end();
    });
    const url = await serve((_request, response) =>
      response.writeHead(status, { location: elsewhere }).end(),
    );
    expect(await post(url, BODY)).toEqual({ status });
    expect(others).toBe(0);
  },
);

test("an answer without an end is not waited for", async () => {
  let sent = 0;
  const url = await serve((_request, response) => {
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      sent += chunk.length;
      if (!response.destroyed && sent < 1e9) response.write(chunk, more);
    };
    response.writeHead(200);
    more();
  });
  expect(await post(url, BODY)).toEqual({ status: 200 });
  expect(sent).toBeLessThan(1e8);
});

test.each<[string, string, RequestListener]>([
  ["never answers", "timeout", () => {}],
  ["hangs up", "UND_ERR_SOCKET", (request) => request.socket.destroy()],
  [
    "answers with too large a head",
    "UND_ERR_HEADERS_OVERFLOW",
    (_request, response) => response.writeHead(200, { x: "x".repeat(100_000) }).end(),
  ],
  [
    "speaks something else",
    "does not match the HTTP/1.1 protocol",
    (request) => request.socket.end("SMTP ready\r\n\r\n"),
  ],
])("a receiver that %s has not answered: %s", async (_name, error, listener) => {
  expect(await post(await serve(listener), BODY)).toEqual({ error: expect.stringContaining(error) });
});

test("a receiver that is not there has not answered, and it is said why", async () => {
  const url = await serve(() => {});
  expect(await post(url.replace("http:", "https:"), BODY)).toEqual({
    error: expect.stringMatching(/^ERR_SSL_/),
  });
  servers.splice(0)[0]!.close();
  expect(await post(url, BODY)).toEqual({ error: "ECONNREFUSED" });
  expect(await post("http://host.invalid/", BODY)).toEqual({ error: expect.stringMatching(/^E[A-Z_]+$/) });
  // A port that the Fetch standard blocks.
  expect(await post("http://127.0.0.1:6000/hook?secret=1", BODY)).toEqual({ error: "bad port" });
});
