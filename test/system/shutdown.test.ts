/** An end that strangers can not hold up: a whole server with connections open that never say another word. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, test } from "vitest";
import { startServer, type TestServer } from "./support/server.ts";

const UPGRADE = [
  "GET /rtc?protocol=15&access_token=TOKEN HTTP/1.1",
  "Host: a",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

const SILENT_PEERS = [
  { name: "has sent nothing", port: "http", text: "" },
  { name: "has sent half a head", port: "http", text: "GET /healthz HTTP/1.1\r\nHo" },
  {
    name: "has sent half a body",
    port: "http",
    text: "POST /v1/rooms HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
  },
  { name: "answers no close frame", port: "http", text: `${UPGRADE.join("\r\n")}\r\n\r\n` },
  { name: "has sent half a frame of ICE over TCP", port: "media", text: "\x00\x40\x00\x01" },
];

let server: TestServer;
let peer: Socket;

afterEach(() => peer.destroy());

test.each(SILENT_PEERS)("the server ends by itself while a peer $name", async ({ port, text }) => {
  server = await startServer();
  peer = connect(port === "http" ? Number(new URL(server.url).port) : server.mediaPort, "127.0.0.1");
  peer.on("error", () => {});
  await once(peer, "connect");
  peer.write(text.replace("TOKEN", await server.token("hall", "ada")), "latin1");
  // It has been read when a request that came later has been answered.
  await server.metrics();

  await server.stop();
});
