/**
 * Goal: what crosses the relay fares as the link model says, in real time and by the process that tests and measurements
 * use; each client is somebody of his own to the server, and spared sessions are left alone.
 * Method: a server that sends back what it gets. No datagram may be early; how late it is, is the machine's affair.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bindingRequest } from "../../loadtest/client/stun-request.ts";
import { RelayProcess } from "./relay-process.ts";

const LOOPBACK = "127.0.0.1";
const MS = 1_000;
/** For datagrams without delay to come through two processes on a busy machine. */
const SETTLE_MS = 500;

let server: Socket;
/** What the server got, and from where. */
let heard: { readonly text: string; readonly port: number }[];
let relay: RelayProcess;
const clients: Client[] = [];

class Client {
  readonly got: { readonly text: string; readonly atMs: number }[] = [];
  readonly #socket = createSocket("udp4");

  constructor() {
    this.#socket.on("message", (datagram) =>
      this.got.push({ text: datagram.toString("latin1"), atMs: performance.now() }),
    );
    clients.push(this);
  }

  get texts(): string[] {
    return this.got.map(({ text }) => text);
  }

  say(datagram: string | Uint8Array): void {
    this.#socket.send(datagram, relay.port, LOOPBACK);
  }

  async hears(count: number): Promise<void> {
    while (this.got.length < count) await once(this.#socket, "message");
  }

  close(): void {
    this.#socket.close();
  }
}

beforeEach(async () => {
  heard = [];
  server = createSocket({ type: "udp4", recvBufferSize: 2 ** 22 });
  server.on("message", (datagram: Buffer, { port, address }: RemoteInfo) => {
    heard.push({ text: datagram.toString("latin1"), port });
    server.send(datagram, port, address);
  });
  server.bind(0, LOOPBACK);
  await once(server, "listening");
  relay = await RelayProcess.start({ serverPort: server.address().port, spared: 1, seed: 1 });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  server.close();
  await relay.stop();
});

test("each client is somebody to the server, and gets his own answers", async () => {
  const [ada, bo] = [new Client(), new Client()];
  for (let i = 0; i < 10; i++) {
    ada.say(`ada ${i}`);
    bo.say(`bo ${i}`);
  }
  await Promise.all([ada.hears(10), bo.hears(10)]);
  expect(ada.texts).toEqual(Array.from({ length: 10 }, (_, i) => `ada ${i}`));
  expect(bo.texts).toEqual(Array.from({ length: 10 }, (_, i) => `bo ${i}`));
  const portsOf = (who: string): Set<number> =>
    new Set(heard.filter(({ text }) => text.startsWith(who)).map(({ port }) => port));
  expect([portsOf("ada").size, portsOf("bo").size]).toEqual([1, 1]);
  expect(portsOf("ada")).not.toEqual(portsOf("bo"));
});

test("each way has its delay and its loss, which may change", async () => {
  const client = new Client();
  relay.change("up", { delayUs: 40 * MS });
  relay.change("down", { delayUs: 20 * MS });
  await relay.report();
  const sentMs = performance.now();
  client.say("slow");
  await client.hears(1);
  expect(client.got[0]!.atMs - sentMs).toBeGreaterThanOrEqual(60);

  relay.change("up", { delayUs: 0, loss: 0.2 });
  relay.change("down", { delayUs: 0, loss: 1 });
  await relay.report();
  for (let i = 0; i < 400; i++) client.say(`${i}`);
  await delay(SETTLE_MS);
  const { up, down } = await relay.report();
  expect(up).toMatchObject({ sent: 401, overflowed: 0 });
  expect(heard).toHaveLength(401 - up.lost);
  expect(up.lost).toBeGreaterThan(40);
  expect(up.lost).toBeLessThan(130);
  expect(down.lost).toBe(heard.length - 1);
  expect(client.texts).toEqual(["slow"]);
});

test("a bottleneck takes its time and drops what its queue can not hold", async () => {
  const client = new Client();
  // 1,000 bytes with headers take 40 ms, and five may wait beside the one that is sent.
  relay.change("down", { rateBps: 200_000, queue: { bytes: 6_000 } });
  await relay.report();
  const sentMs = performance.now();
  for (let i = 0; i < 20; i++) client.say(new Uint8Array(972));
  await client.hears(6);
  expect(client.got[5]!.atMs - sentMs).toBeGreaterThanOrEqual(240);
  const { down } = await relay.report();
  expect(down.overflowed).toBeGreaterThan(5);
});

test("a blackout takes everything, and ends", async () => {
  const client = new Client();
  relay.blackout(300);
  await relay.report();
  client.say("lost");
  await delay(400);
  client.say("found");
  await client.hears(1);
  expect(client.texts).toEqual(["found"]);
});

test("the first session is spared, from whatever address it checks, and no other", async () => {
  const check = (server: string): Uint8Array =>
    bindingRequest({
      localUfrag: "client",
      remoteUfrag: server,
      remotePwd: "a password",
      transactionId: new Uint8Array(12),
    });
  const [ada, again, bo] = [new Client(), new Client(), new Client()];
  for (const way of ["up", "down"] as const) relay.change(way, { loss: 1 });
  await relay.report();
  ada.say(check("first"));
  await ada.hears(1);
  bo.say(check("second"));
  again.say(check("first"));
  await again.hears(1);
  for (const client of [ada, again, bo]) client.say("media");
  await Promise.all([ada.hears(2), again.hears(2)]);
  await delay(SETTLE_MS);
  expect(bo.got).toEqual([]);
  expect((await relay.report()).up).toMatchObject({ sent: 2, lost: 2 });
});
