import { once } from "node:events";
import { type AddressInfo, connect as connectSocket } from "node:net";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { connect, RecordingDataThread } from "../control/conference.ts";
import { ask, expectProblem, type Server, serve } from "./server.ts";

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

const KEYS = { BLINDFOLD_AUTH_KEYS: `key:${"s".repeat(32)}` };

let server: Server;
beforeEach(async () => {
  server = await serve();
});

describe("every error is a problem document", () => {
  test.each([
    ["GET /nothing", {}, 404, "not_found"],
    ["GET /%zz", {}, 400, "bad_request"],
    ["PUT /v1/rooms", {}, 405, "method_not_allowed"],
    ["PUT /v1/rooms", { payload: "x", headers: { "content-type": "a/b" } }, 405, "method_not_allowed"],
    ["DELETE /healthz", {}, 405, "method_not_allowed"],
    ["TRACE /v1/rooms", {}, 405, "method_not_allowed"],
    ["PROPFIND /v1/rooms/x", {}, 405, "method_not_allowed"],
    ["QUERY /sessions/x", {}, 405, "method_not_allowed"],
    ["PUT /openapi.json", {}, 405, "method_not_allowed"],
    ["PROPFIND /nothing", {}, 404, "not_found"],
    ["GET /v1/rooms", {}, 401, "unauthorized"],
    ["GET /v1/rooms", { headers: { authorization: "Basic eDp5" } }, 401, "unauthorized"],
    ["GET /v1/rooms", { token: "x.y.z" }, 401, "invalid_token"],
    ["GET /dev/token", {}, 400, "invalid_request"],
    ["GET /dev/token?room=hall&identity=..", {}, 400, "invalid_request"],
  ])("%s %j → %d %s", async (request, options, status, code) => {
    expectProblem(await ask(server, request, options), status, code);
  });

  test("a name longer than any can be", async () => {
    const response = await ask(server, `GET /v1/rooms/${"x".repeat(4_000)}`);
    expectProblem(response, 414, "uri_too_long");
  });

  test.each([
    ["a body of another type", { payload: "<a/>", headers: { "content-type": "text/xml" } }, 415],
    ["plain text", { payload: "x", headers: { "content-type": "text/plain" } }, 415],
    ["half a document", { payload: '{"name":', headers: { "content-type": "application/json" } }, 400],
    ["an empty document", { payload: "", headers: { "content-type": "application/json" } }, 400],
    [
      "a poisoned document",
      { payload: '{"__proto__":{}}', headers: { "content-type": "application/json" } },
      400,
    ],
    ["no body", {}, 400],
    ["a large body", { payload: { name: "x".repeat(70_000) } }, 413],
  ])("with a good token, %s", async (_name, options, status) => {
    const token = await server.token("", { roomCreate: true });
    const code = { 400: /^(?:bad|invalid)_request$/, 413: /^payload_too_large$/, 415: /^unsupported/ }[
      status
    ];
    const response = await ask(server, "POST /v1/rooms", { token, ...options });
    expect(response.json().code).toMatch(code!);
    expectProblem(response, status, response.json().code);
  });

  test("a stranger's body is not even read", async () => {
    const response = await ask(server, "POST /v1/rooms", { payload: { name: "x".repeat(70_000) } });
    expectProblem(response, 401, "unauthorized");
    expect(response.headers["www-authenticate"]).toBe("Bearer");
  });

  test.each([
    ["POST /v1/rooms", "application/json"],
    ["PATCH /v1/rooms/hall", "application/json"],
    ["POST /whip/hall", "application/sdp"],
    ["POST /whep/hall", "application/sdp"],
    ["PATCH /sessions/TR_x", "application/trickle-ice-sdpfrag"],
  ])("415 to %s names %s", async (request, wanted) => {
    const token = await server.token("ada", { roomCreate: true, roomAdmin: true, roomJoin: true });
    const method = request.split(" ")[0]!.toLowerCase();
    for (const headers of [{}, { "content-type": "text/xml" }, { "content-type": "application/sdp2" }]) {
      const response = await ask(server, request, { token, payload: "v=0", headers });
      expectProblem(response, 415, "unsupported_media_type");
      expect(response.json().detail).toBe(`The body has to be ${wanted}`);
      expect(response.headers).toMatchObject({ accept: wanted, [`accept-${method}`]: wanted });
    }
  });

  test("405 says which methods there are, and so does OPTIONS", async () => {
    expect((await ask(server, "PUT /v1/rooms/x")).headers.allow).toBe("GET, HEAD, PATCH, DELETE, OPTIONS");
    const options = await ask(server, "OPTIONS /v1/rooms");
    expect([options.statusCode, options.headers.allow]).toEqual([204, "POST, GET, HEAD, OPTIONS"]);
  });

  test("too many requests of one address, also those that miss", async () => {
    const strict = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "3" });
    for (let count = 0; count < 3; count++) await ask(strict, "GET /v1/rooms", { token: "guess" });
    const limited = await ask(strict, "GET /v1/rooms");
    expectProblem(limited, 429, "rate_limited");
    expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
    expectProblem(await ask(strict, "GET /nothing"), 429, "rate_limited");
    expectProblem(await ask(strict, "PUT /v1/rooms"), 429, "rate_limited");
    const unread = await ask(strict, "GET /%zz");
    expectProblem(unread, 429, "rate_limited");
    expect(Number(unread.headers["retry-after"])).toBeGreaterThan(0);
    const other = await ask(strict, "GET /v1/rooms", { remoteAddress: "192.0.2.1" });
    expectProblem(other, 401, "unauthorized");
    expect((await ask(strict, "GET /healthz")).statusCode).toBe(200);
    expect((await ask(strict, "GET /metrics")).statusCode).toBe(200);
  });

  test("for a minute, whatever happens to the time of day", async () => {
    const strict = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1" });
    await ask(strict, "GET /nothing");
    strict.clock.set(-3_600_000);
    strict.clock.pass(20_000);
    const limited = await ask(strict, "GET /nothing");
    expectProblem(limited, 429, "rate_limited");
    expect(limited.headers["retry-after"]).toBe("40");
    strict.clock.set(7_200_000);
    expectProblem(await ask(strict, "GET /nothing"), 429, "rate_limited");
    strict.clock.pass(40_000);
    expectProblem(await ask(strict, "GET /nothing"), 404, "not_found");
    expectProblem(await ask(strict, "GET /nothing"), 429, "rate_limited");
  });

  test.each([
    ["not decodable", "GET /%zz"],
    ["too long", `GET /v1/rooms/${"x".repeat(4_000)}`],
  ])("a path that can not be read is counted as a request: %s", async (_name, request) => {
    const strict = await serve({ BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "2" });
    for (let count = 0; count < 2; count++) await ask(strict, request);
    expectProblem(await ask(strict, "GET /nothing"), 429, "rate_limited");
    const text = await strict.metrics.exposition();
    expect(text).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="unmatched",status="4\d\d"\} 2/,
    );
  });

  test("an address is believed from a trusted proxy only", async () => {
    const limits = {
      ...KEYS,
      BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1",
      BLINDFOLD_HTTP_TRUSTED_PROXIES: "10.0.0.0/8",
      BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "192.0.2.1",
    };
    const strict = await serve(limits);
    const from = async (remoteAddress: string, client: string) => {
      const headers = { "x-forwarded-for": client };
      return (await ask(strict, "GET /problems", { remoteAddress, headers })).statusCode;
    };
    expect(await from("10.0.0.1", "192.0.2.1")).toBe(200);
    expect(await from("10.0.0.1", "192.0.2.2")).toBe(200);
    expect(await from("10.0.0.1", "192.0.2.2")).toBe(429);
    expect(await from("203.0.113.1", "192.0.2.3")).toBe(200);
    expect(await from("203.0.113.1", "192.0.2.4")).toBe(429);
  });

  test.each([
    ["192.0.2.7", "192.0.2.7:50123", "192.0.2.7:50124"],
    ["2001:db8:0:1::7", "[2001:db8:0:1::7]:50123", "[2001:db8:0:1::8]"],
    ["::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:1"],
  ])("a client is the same whatever its proxy writes beside its address, %s", async (...names) => {
    const strict = await serve({
      ...KEYS,
      BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "2",
      BLINDFOLD_HTTP_TRUSTED_PROXIES: "10.0.0.0/8",
      BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "192.0.2.1",
    });
    const statuses: number[] = [];
    for (const name of [...names, "192.0.2.8:50123", "[2001:db8:0:2::7]:50123"]) {
      const headers = { "x-forwarded-for": name };
      const reply = await ask(strict, "GET /problems", { remoteAddress: "10.0.0.1", headers });
      statuses.push(reply.statusCode);
    }
    expect(statuses).toEqual([200, 200, 429, 200, 200]);
  });

  test("what is not HTTP at all", async () => {
    await server.app.listen({ host: "127.0.0.1", port: 0 });
    try {
      const address = server.app.server.address();
      if (address === null || typeof address === "string") throw new Error("not listening");
      const answerTo = async (bytes: string) => {
        const socket = connectSocket(address.port, "127.0.0.1");
        socket.end(bytes);
        return text(socket);
      };
      const garbage = await answerTo("\u0016\u0003\u0001 hello\r\n\r\n");
      expect(garbage).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"bad_request"/s);
      const large = await answerTo(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(20_000)}\r\n\r\n`);
      expect(large).toMatch(/^HTTP\/1\.1 431 .*"code":"headers_too_large"/s);
      for (const [name, value] of Object.entries(SECURITY_HEADERS))
        expect(large).toContain(`${name}: ${value}\r\n`);
    } finally {
      await server.app.close();
    }
  });

  test("what takes too long to come", async () => {
    // As short as can be: Node looks every two seconds.
    server.app.server.headersTimeout = server.app.server.requestTimeout = 1;
    await server.app.listen({ host: "127.0.0.1", port: 0 });
    try {
      const { port } = server.app.server.address() as AddressInfo;
      const token = await server.token("", { roomCreate: true });
      const head = "POST /v1/rooms HTTP/1.1\r\nHost: x\r\n";
      const body = `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`;
      const answers = [head, head + body].map(async (bytes) => {
        const socket = connectSocket(port, "127.0.0.1");
        socket.write(bytes);
        return text(socket);
      });
      for (const answer of await Promise.all(answers)) {
        expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n.*"code":"request_timeout"/s);
        expect(answer.match(/^HTTP/gm)).toHaveLength(1);
      }
    } finally {
      await server.app.close();
    }
  });

  test("and who stays although told so, or never reads an answer, holds no socket", {
    timeout: 90_000,
  }, async () => {
    server.app.server.headersTimeout = server.app.server.requestTimeout = 1_000;
    // Zero would be none.
    if (server.app.server.timeout > 0) server.app.server.timeout = 1_000;
    await server.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.app.server.address() as AddressInfo;
    const large = "GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";
    const sockets = ["", "GET / HTTP/1.1\r\n", "hello\r\n\r\n", large.repeat(10)].map((bytes) => {
      const socket = connectSocket({ port, host: "127.0.0.1", allowHalfOpen: true });
      socket.on("error", () => {}).write(bytes);
      return bytes.startsWith(large) ? socket.pause() : socket.resume();
    });
    try {
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      const held = promisify(server.app.server.getConnections.bind(server.app.server));
      await vi.waitFor(async () => expect(await held()).toBe(sockets.length));
      await vi.waitFor(async () => expect(await held()).toBe(0), { timeout: 20_000, interval: 200 });
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.app.close();
    }
  });

  test("the list of problems has each code once", async () => {
    const { problems } = (await ask(server, "GET /problems")).json();
    expect(problems).toContainEqual({ code: "room_full", status: 409, title: "The room is full" });
  });
});

test("no request, however strange, is answered with a fault of ours", async () => {
  const token = await server.token("ada", {
    roomCreate: true,
    roomAdmin: true,
    roomJoin: true,
    roomList: true,
  });
  const paths = [
    "/v1/rooms",
    "/v1/rooms/hall",
    "/v1/rooms/hall/participants/x",
    "/v1/rooms/hall/tracks/x",
    "/v1/rooms/hall/subscriptions/x",
  ];
  server.rooms.create("hall");
  const body = fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.constant('{"name":"hall"}'));
  const request = fc.record({
    method: fc.constantFrom("POST" as const, "PATCH" as const, "PUT" as const),
    url: fc.oneof(
      fc.constantFrom(...paths),
      fc.webPath().map((path) => (path.startsWith("/") ? path : `/${path}`)),
    ),
    payload: body,
    type: fc.oneof({ weight: 4, arbitrary: fc.constant("application/json") }, fc.webSegment()),
    authorization: fc.oneof(
      fc.constant(`Bearer ${token}`),
      fc.webSegment().map((junk) => `Bearer ${junk}`),
    ),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ method, url, payload, type, authorization }) => {
      const headers = { "content-type": type, authorization };
      const response = await server.app.inject({ method, url, payload, headers });
      // A random document may happen to be a good one; everything else is the client's mistake, told properly.
      if (response.statusCode < 300) return;
      expectProblem(response, response.statusCode, response.json().code);
      expect(response.statusCode).toBeLessThan(500);
    }),
    { numRuns: 500 },
  );
});

test("no token, however strange, is answered with anything but 401", async () => {
  await fc.assert(
    fc.asyncProperty(fc.base64String({ maxLength: 300 }), fc.nat(3), async (junk, dots) => {
      const token = junk.replaceAll("=", "").split("").toSpliced(5, 0, ".".repeat(dots)).join("") || "x";
      const response = await ask(server, "GET /v1/rooms", { token });
      expectProblem(response, 401, "invalid_token");
      expect(response.headers["www-authenticate"]).toBe('Bearer error="invalid_token"');
    }),
  );
});

describe("operations", () => {
  test("ready while there is a media thread and nobody drains", async () => {
    expect((await ask(server, "GET /readyz")).json()).toEqual({ status: "ok" });
    server.rooms.drain();
    expectProblem(await ask(server, "GET /readyz"), 503, "draining");
    expect((await ask(server, "GET /healthz")).json()).toEqual({ status: "ok" });
    const other = await serve();
    other.thread.die();
    expectProblem(await ask(other, "GET /readyz"), 503, "no_capacity");
  });

  test("not ready when the DTLS thread is gone and does not come back", async () => {
    const { dataThread, surroundings, clock } = server;
    dataThread.die();
    expect((await ask(server, "GET /readyz")).statusCode).toBe(200);
    clock.pass(5_000);
    expectProblem(await ask(server, "GET /readyz"), 503, "no_capacity");
    surroundings.dataThread.attach(new RecordingDataThread());
    expect((await ask(server, "GET /readyz")).statusCode).toBe(200);
  });

  test("metrics count requests by route, not by path", async () => {
    const token = await server.token("", { roomAdmin: true });
    await ask(server, "GET /v1/rooms/hall", { token });
    await ask(server, "GET /nowhere/at/all");
    const metrics = await ask(server, "GET /metrics");
    expect(metrics.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    const count = "blindfold_http_request_duration_seconds_count";
    expect(metrics.body).toContain(`${count}{method="GET",route="/v1/rooms/:room",status="404"} 1`);
    expect(metrics.body).toContain(`${count}{method="GET",route="unmatched",status="404"} 1`);
    expect(metrics.body).not.toContain("nowhere");
  });

  test("metrics have few methods, whatever strangers send", async () => {
    for (const method of ["PROPFIND", "LINK"]) await ask(server, `${method} /healthz`);
    const metrics = await ask(server, "GET /metrics");
    const count = "blindfold_http_request_duration_seconds_count";
    expect(metrics.body).toContain(`${count}{method="_OTHER",route="/healthz",status="405"} 2`);
  });

  test("the API describes itself", async () => {
    const document = (await ask(server, "GET /openapi.json")).json();
    expect(document.openapi).toBe("3.1.0");
    const create = document.paths["/v1/rooms"].post;
    expect(create.security).toEqual([{ token: [] }]);
    expect(create.responses["409"].content).toEqual({
      "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
    });
    expect(document.paths["/healthz"].get.security).toBeUndefined();
    expect(Object.keys(document.components.schemas)).toEqual([
      "Problem",
      "Room",
      "Participant",
      "Lobby",
      "Ban",
      "Track",
      "Subscription",
      "Report",
    ]);
    // Every reference leads somewhere.
    const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? [];
    for (const reference of references) {
      expect(document.components.schemas).toHaveProperty(reference.split("/").at(-1)!);
    }
    const page = await ask(server, "GET /docs/");
    expect(page.statusCode).toBe(200);
    expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
    const scripts = [...page.body.matchAll(/src="\.?\/?([^"]+)"/g)].map(([, path]) => path);
    expect(scripts.length).toBeGreaterThan(1);
    for (const path of scripts) {
      const url = new URL(path!, "http://x/docs/").pathname;
      expect((await ask(server, `GET ${url}`)).statusCode, url).toBe(200);
    }
  });

  test("answers cannot be sniffed, framed, cached or traced", async () => {
    for (const url of ["/healthz", "/nothing", "/v1/rooms", "/%zz", `/v1/rooms/${"x".repeat(4_000)}`]) {
      expect((await ask(server, `GET ${url}`)).headers, url).toMatchObject(SECURITY_HEADERS);
    }
  });
});

describe("other origins", () => {
  const origin = "https://app.example";
  const preflight = { origin, "access-control-request-method": "POST" };

  test("are not allowed unless configured", async () => {
    const response = await ask(server, "OPTIONS /v1/rooms", { headers: preflight });
    expect(response.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("that are configured may call, and read what they need", async () => {
    const open = await serve({ BLINDFOLD_HTTP_CORS_ORIGINS: `${origin},https://b.example` });
    const allowed = await ask(open, "OPTIONS /v1/rooms", { headers: preflight });
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-headers": "Authorization, Content-Type, If-Match",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    });
    const failed = await ask(open, "GET /v1/rooms", { headers: { origin } });
    expectProblem(failed, 401, "unauthorized");
    expect(failed.headers["access-control-allow-origin"]).toBe(origin);
    expect(failed.headers["access-control-expose-headers"]).toContain("Location");
    const stranger = await ask(open, "GET /healthz", { headers: { origin: "https://evil.example" } });
    expect(stranger.headers["access-control-allow-origin"]).toBeUndefined();
  });
});

describe("development", () => {
  test("gives a token that joins its room and no other", async () => {
    const { token } = (await ask(server, "GET /dev/token?room=hall&identity=ada")).json();
    connect(server.rooms, "bo");
    server.thread.measured = {};
    expect((await ask(server, "GET /v1/rooms/hall/participants", { token })).statusCode).toBe(200);
    expect((await ask(server, "GET /v1/rooms/attic/participants", { token })).statusCode).toBe(403);
    const mute = { token, payload: { muted: true } };
    expectProblem(await ask(server, "PATCH /v1/rooms/hall/tracks/x", mute), 403, "forbidden");
  });

  test("gives whoever asks for it a token of a host, for that room and no other", async () => {
    const { token } = (await ask(server, "GET /dev/token?room=hall&identity=ada&roomAdmin=true")).json();
    connect(server.rooms, "bo");
    expect((await ask(server, "GET /v1/rooms/hall/lobby", { token })).statusCode).toBe(200);
    expectProblem(await ask(server, "GET /v1/rooms/attic/lobby", { token }), 403, "forbidden");
  });

  test.each([
    ["localhost:7880", 200],
    ["127.0.0.1:7880", 200],
    ["[::1]:7880", 200],
    ["evil.example:7880", 403],
    ["localhost.evil.example", 403],
    ["192.0.2.1:7880", 403],
  ])("asked as %s: %d", async (host, status) => {
    const response = await ask(server, "GET /dev/token?room=hall&identity=ada", { headers: { host } });
    expect(response.statusCode).toBe(status);
  });

  test("a host that is only claimed to be forwarded is not believed", async () => {
    const headers = { host: "evil.example", "x-forwarded-host": "localhost", "x-forwarded-for": "127.0.0.1" };
    const response = await ask(server, "GET /dev/token?room=hall&identity=ada", { headers });
    expectProblem(response, 403, "forbidden");
  });

  test("its tokens are never for other origins, whatever the API allows", async () => {
    const open = await serve({ BLINDFOLD_HTTP_CORS_ORIGINS: "*" });
    const headers = { origin: "https://evil.example" };
    const response = await ask(open, "GET /dev/token?room=hall&identity=ada", { headers });
    expect(response.headers["access-control-allow-origin"]).toBeUndefined();
    expect((await ask(open, "GET /healthz", { headers })).headers["access-control-allow-origin"]).toBe("*");
  });

  test("does not exist with real keys", async () => {
    const real = await serve(KEYS);
    expectProblem(await ask(real, "GET /dev/token?room=hall&identity=ada"), 404, "not_found");
  });
});
