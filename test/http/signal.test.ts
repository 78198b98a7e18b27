/**
 * Goal: nobody without a good token gets as far as a WebSocket, and what strangers send costs little.
 * Method: the real HTTP server on a port, asked by fetch and by Node's own WebSocket.
 */
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import {
  JoinRequest,
  type JoinResponse,
  PublishDataTrackRequest,
  SignalRequest,
  SignalResponse,
  WrappedJoinRequest,
} from "@livekit/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NO_ROOM_CONFIG } from "../../src/control/access-token.ts";
import { type Server, serve } from "./server.ts";

let server: Server;
let url: string;

beforeEach(async () => {
  server = await serve();
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  url = `127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await server.app.close();
});

const joinToken = (identity = "ada"): Promise<string> => server.token(identity, { roomJoin: true });

function joinRequest(bytes: Uint8Array, compression = 0): string {
  const wrapped = new WrappedJoinRequest({ compression, joinRequest: new Uint8Array(bytes) });
  return Buffer.from(wrapped.toBinary()).toString("base64url");
}

const JOIN_REQUEST = joinRequest(new JoinRequest({ metadata: "m" }).toBinary());

async function validate(
  path: string,
  query: Record<string, string>,
  headers = {},
): Promise<[number, string]> {
  const reply = await fetch(`http://${url}${path}/validate?${new URLSearchParams(query)}`, { headers });
  expect(reply.headers.get("access-control-allow-origin")).toBe("*");
  return [reply.status, await reply.text()];
}

/** Resolves with the close code when there never was a WebSocket. */
async function upgraded(path: string, query: Record<string, string>): Promise<WebSocket | number> {
  const socket = new WebSocket(`ws://${url}${path}?${new URLSearchParams(query)}`);
  socket.binaryType = "arraybuffer";
  return new Promise((resolve) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
}

async function message(socket: WebSocket): Promise<SignalResponse> {
  const [event] = await once(socket, "message");
  return SignalResponse.fromBinary(new Uint8Array((event as MessageEvent).data));
}

const request = (message: SignalRequest["message"]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new SignalRequest({ message }).toBinary());

const ABNORMAL_CLOSURE = 1006;

describe("validation", () => {
  test("says success to whoever may join, by query and by header", async () => {
    const token = await joinToken();
    expect(await validate("/rtc", { access_token: token })).toEqual([200, "success"]);
    expect(await validate("/rtc", {}, { authorization: `Bearer ${token}` })).toEqual([200, "success"]);
    const query = { access_token: token, join_request: JOIN_REQUEST };
    expect(await validate("/rtc/v1", query)).toEqual([200, "success"]);
  });

  test.each([
    ["no token", async () => ({}), 401, "an access token is needed"],
    ["a bad token", async () => ({ access_token: "x.y.z" }), 401, "the access token is not valid"],
    [
      "a token that grants no joining",
      async () => ({ access_token: await server.token("ada", {}) }),
      403,
      "the access token does not grant this",
    ],
    [
      "a token that counts on a recording",
      async () => {
        const roomConfig = Object.assign({ egress: {} }, NO_ROOM_CONFIG);
        const grants = { roomJoin: true, room: "hall" };
        const wanted = { identity: "ada", grants, roomConfig, validSeconds: 60 };
        return { access_token: await server.tokens.issue(wanted) };
      },
      401,
      "the access token asks for egress, agents or a room preset, which this server does not have",
    ],
    [
      "no identity",
      async () => ({ access_token: await server.token("", { roomJoin: true }) }),
      403,
      "the access token names no identity",
    ],
  ])("with %s: %s", async (_title, query, status, text) => {
    const params = { ...(await query()), join_request: JOIN_REQUEST };
    for (const path of ["/rtc", "/rtc/v1"]) expect(await validate(path, params)).toEqual([status, text]);
    expect(await upgraded("/rtc/v1", params)).toBe(ABNORMAL_CLOSURE);
  });

  test("a room that does not exist is not taken for a missing path", async () => {
    const other = await serve({}, { autoCreate: false });
    const token = await other.token("ada", { roomJoin: true });
    const reply = await other.app.inject(`/rtc/validate?access_token=${token}`);
    expect([reply.statusCode, reply.body]).toEqual([404, "requested room does not exist"]);
    await other.app.close();
  });

  test("who was removed is told so when its client would come back by itself", async () => {
    const query = { access_token: await joinToken() };
    const socket = (await upgraded("/rtc", query)) as WebSocket;
    const { message: first } = await message(socket);
    const { sid } = (first.value as JoinResponse).participant!;
    server.rooms.list[0]!.participant("ada")!.leave("participant_removed");
    const resumption = { ...query, reconnect: "1", sid };
    expect(await validate("/rtc", resumption)).toEqual([403, "the session was ended"]);
    expect(await validate("/rtc", query)).toEqual([200, "success"]);
  });

  test("without an upgrade there is nothing at the path of WebSockets", async () => {
    const reply = await fetch(`http://${url}/rtc?access_token=${await joinToken()}`);
    expect(reply.status).toBe(404);
  });
});

describe("an upgrade", () => {
  test.each([
    ["GET", "/"],
    ["GET", "/healthz"],
    ["GET", "/nowhere"],
    ["POST", "/rtc"],
    ["GET", "/rtc"],
    ["GET", "/rtc/v1?access_token=x"],
  ])("of %s %s gets an answer, and holds up no shutdown", async (method, path) => {
    const { port } = server.app.server.address() as AddressInfo;
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 [24]\d\d /);
    await server.app.close();
    socket.destroy();
  });
});

test("a thousand who send no token are told so, and nothing is left of them", async () => {
  const { port } = server.app.server.address() as AddressInfo;
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const socket = connect(port, "127.0.0.1");
      socket.write("GET /rtc HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      const closed = once(socket, "close");
      const [answer] = (await once(socket, "data")) as [Buffer];
      await closed;
      return String(answer).split("\r\n")[0];
    }),
  );
  expect(new Set(answers)).toEqual(new Set(["HTTP/1.1 401 Unauthorized"]));
  const count = promisify(server.app.server.getConnections.bind(server.app.server));
  expect(await count()).toBe(0);
});

describe("join requests", () => {
  test.each([
    ["none", "", 400],
    ["no base64", "***", 400],
    ["no protobuf", Buffer.from([255, 255]).toString("base64url"), 400],
    ["no gzip", joinRequest(Uint8Array.of(1, 2, 3), 1), 400],
    ["half a gzip", joinRequest(gzipSync(new Uint8Array(100)).subarray(0, 20), 1), 400],
    ["8 MB in 8 kB", joinRequest(gzipSync(new Uint8Array(8_000_000)), 1), 400],
  ])("%s is refused", async (_title, join_request, status) => {
    const [got] = await validate("/rtc/v1", { access_token: await joinToken(), join_request });
    expect(got).toBe(status);
  });

  test("100 MB are more than fits a URL, packed as they may be", async () => {
    const join_request = joinRequest(gzipSync(new Uint8Array(100_000_000)), 1);
    const query = new URLSearchParams({ access_token: await joinToken(), join_request });
    expect((await fetch(`http://${url}/rtc/v1/validate?${query}`)).status).toBe(431);
  });
});

describe("a connection", () => {
  test("begins with the join response, and ends when the server does", async () => {
    const socket = (await upgraded("/rtc", { access_token: await joinToken() })) as WebSocket;
    const { message: first } = await message(socket);
    expect(first.case).toBe("join");
    const closed = once(socket, "close");
    server.rooms.deleteAll();
    const [{ code, reason }] = (await closed) as [CloseEvent];
    expect([code, reason]).toEqual([1001, "server_shutdown"]);
  });

  test("is closed with a reason when a message is too large, or nonsense", async () => {
    for (const [data, code] of [
      [new Uint8Array(1_600_000), 1009],
      [Uint8Array.of(255), 1007],
    ] as const) {
      const socket = (await upgraded("/rtc", { access_token: await joinToken() })) as WebSocket;
      const closed = once(socket, "close");
      socket.send(data);
      expect(((await closed) as [CloseEvent])[0].code).toBe(code);
    }
  });

  test("is the only one that ends by a fault of ours, which is counted", async () => {
    const [ada, bo] = await Promise.all(
      ["ada", "bo"].map(async (identity) => {
        const socket = (await upgraded("/rtc", { access_token: await joinToken(identity) })) as WebSocket;
        await message(socket);
        return socket;
      }),
    );
    const fault = server.rooms.events.on(() => {
      throw new Error("a fault of ours");
    });
    const closed = once(ada!, "close");
    const value = new PublishDataTrackRequest({ pubHandle: 1, name: "x" });
    ada!.send(request({ case: "publishDataTrackRequest", value }));
    const [{ code, reason }] = (await closed) as [CloseEvent];
    expect([code, reason]).toEqual([1011, "internal_error"]);
    fault();
    bo!.send(request({ case: "ping", value: 1n }));
    expect((await message(bo!)).message.case).toBe("pong");
    expect(await server.metrics.exposition()).toContain(
      'blindfold_signal_closed_total{reason="internal_error"} 1',
    );
    bo!.close();
  });

  test("speaks JSON to whoever does", async () => {
    const socket = (await upgraded("/rtc", { access_token: await joinToken() })) as WebSocket;
    await once(socket, "message");
    socket.send(new SignalRequest({ message: { case: "ping", value: 1n } }).toJsonString());
    const [event] = await once(socket, "message");
    expect(JSON.parse((event as MessageEvent<string>).data)).toHaveProperty("pong");
    socket.close();
  });
});

test("a thousand sockets that say nothing are closed, whatever they have begun", {
  timeout: 90_000,
}, async () => {
  const sockets: Socket[] = [];
  for (let n = 0; n < 1_000; n++) {
    const socket = connect({ host: "127.0.0.1", port: Number(url.split(":")[1]) });
    socket.on("error", () => {}).resume();
    await once(socket, "connect");
    if (n % 2 === 0) socket.write("GET /rtc HTTP/1.1\r\nUpgrade: websocket\r\n");
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket) => socket.destroyed || once(socket, "close")));
  expect(server.rooms.list).toEqual([]);
});
