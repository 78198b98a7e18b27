/**
 * Goal: a TCP connection is a path like any other, and costs us no more than it may, whoever is at its other end.
 * Method: connections over loopback; whether a peer has proved itself is what the path table says, so tests pin paths as
 * an ICE agent would. A test goes on when what it expects has come.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type CounterName, createSharedCounters, SLOT } from "../../../src/base/counters.ts";
import type { PathId } from "../../../src/base/ids.ts";
import { PathTable } from "../../../src/base/path-table.ts";
import { TransmitRing } from "../../../src/base/transmit-ring.ts";
import { listenTcp, type TcpListener } from "../../../src/worker/tcp/tcp-listener.ts";
import { framed } from "./frames.ts";

const V4 = "127.0.0.1";

class Scene {
  readonly paths: PathTable;
  readonly ring = new TransmitRing(256);
  readonly counters = createSharedCounters();
  readonly heard: string[] = [];
  readonly from: PathId[] = [];
  readonly ended: PathId[] = [];
  listener!: TcpListener;
  readonly #clients: Socket[] = [];

  constructor(capacity = 8_192) {
    this.paths = new PathTable(capacity);
  }

  async listen(address = V4): Promise<this> {
    const { paths, counters } = this;
    const handler = {
      onDatagram: (bytes: Uint8Array, length: number, path: PathId) => {
        this.heard.push(Buffer.from(bytes.subarray(0, length)).toString("latin1"));
        this.from.push(path);
        bytes.fill(0, 0, length);
      },
      onBatchEnd: () => this.heard.push("|"),
      onPathEnd: (path: PathId) => this.ended.push(path),
    };
    this.listener = await listenTcp({ address, port: 0, paths, counters, handler });
    return this;
  }

  /** A client that is connected, or has been refused already. */
  async connect(localAddress = V4): Promise<Socket> {
    const client = connect({ host: V4, port: this.listener.port, localAddress });
    this.#clients.push(client);
    await Promise.race([once(client, "connect"), once(client, "close")]).catch(() => {});
    client.on("error", () => {});
    return client;
  }

  /** A client and the path that it has here. */
  async connected(): Promise<{ client: Socket; path: PathId }> {
    const client = await this.connect();
    client.write(framed("hello"));
    const before = this.from.length;
    await until(() => this.from.length > before);
    return { client, path: this.from.at(-1)! };
  }

  put(text: string, path: PathId): void {
    const at = this.ring.reserve();
    this.ring.slab.set(Buffer.from(text, "latin1"), at);
    this.ring.commitRaw(text.length, path);
  }

  send(): void {
    this.listener.send(this.ring);
    this.ring.clear();
  }

  count(name: CounterName): number {
    return this.counters[SLOT[name]]!;
  }

  sweep(times: number): void {
    for (let i = 0; i < times; i++) this.listener.sweep();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.listener.close();
  }
}

let scene: Scene;
afterEach(() => scene.close());

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

const hasClosed = (client: Socket): Promise<void> =>
  until(() => client.closed || client.readyState === "closed");

test("packets come whole from a stream in pieces, and those of a turn together", async () => {
  scene = await new Scene().listen();
  const { client, path } = await scene.connected();
  const stream = framed("one", "", "two", "x".repeat(1_500));
  for (let at = 0; at < stream.length; at += 100) {
    client.write(stream.subarray(at, at + 100));
    await nextTurn();
  }
  await until(() => scene.from.length === 4);
  await until(() => scene.heard.at(-1) === "|");
  expect(scene.heard.filter((text) => text !== "|")).toEqual(["hello", "one", "two", "x".repeat(1_500)]);
  expect(new Set(scene.from)).toEqual(new Set([path]));
  expect(scene.paths.address(path)).toBe(V4);
  expect(scene.paths.port(path)).toBe(client.localPort);
});

test("a turn's rows go to their connections in order; those of datagrams stay", async () => {
  scene = await new Scene().listen();
  const [ada, bo] = [await scene.connected(), await scene.connected()];
  const datagrams = scene.paths.intern(V4, 9);
  for (const n of [1, 2, 3]) {
    scene.put(`ada ${n}`, ada.path);
    scene.put(`bo ${n}`, bo.path);
    scene.put(`elsewhere ${n}`, datagrams);
  }
  scene.listener.send(scene.ring);
  expect([...scene.ring.bytes.subarray(0, 9)]).toEqual([0, 0, 11, 0, 0, 11, 0, 0, 11]);
  // What was handed over is no longer the ring's.
  scene.ring.slab.fill(0);
  scene.ring.clear();
  expect(await read(ada.client, framed("ada 1", "ada 2", "ada 3").length)).toEqual(
    framed("ada 1", "ada 2", "ada 3"),
  );
  expect(await read(bo.client, framed("bo 1", "bo 2", "bo 3").length)).toEqual(
    framed("bo 1", "bo 2", "bo 3"),
  );
  expect(scene.count("tcpSentBytes")).toBe(framed("ada 1", "ada 2", "ada 3", "bo 1", "bo 2", "bo 3").length);
});

async function read(client: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  client.on("data", (chunk: Buffer) => chunks.push(chunk));
  await until(() => Buffer.concat(chunks).length >= bytes);
  return Buffer.concat(chunks);
}

test("an IPv4 client of a dual-stack listener has an IPv4 address", async () => {
  scene = await new Scene().listen("::");
  const { path } = await scene.connected();
  expect(scene.paths.address(path)).toBe(V4);
});

test("a connection that ends takes its path along, and what still goes there is counted", async () => {
  scene = await new Scene().listen();
  const { client, path } = await scene.connected();
  expect(scene.count("tcpConnections")).toBe(1);
  client.end();
  await until(() => scene.ended.length === 1);
  expect(scene.ended).toEqual([path]);
  scene.put("late", path);
  scene.send();
  expect(scene.count("downDropped_tcp_ended")).toBe(1);
  expect(scene.count("tcpDroppedBytes_ended")).toBe(6);
  expect([scene.count("tcpConnections"), scene.count("tcpEnded_peer")]).toEqual([0, 1]);
});

test.each([
  ["a frame that is too long", Buffer.from([0x08, 0x01, 0])],
  ["a web browser", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["TLS", Buffer.from("160301020001000", "hex")],
])("%s ends the connection", async (_title, bytes) => {
  scene = await new Scene().listen();
  const client = await scene.connect();
  client.write(bytes);
  await hasClosed(client);
  expect(scene.count("tcpEnded_bad_frame")).toBe(1);
  expect(scene.count("tcpConnections")).toBe(0);
});

test("who never proves itself has to go, with half a frame or whole ones; who does may stay", async () => {
  scene = await new Scene().listen();
  const silent = await scene.connect();
  const slow = await scene.connect();
  slow.write(Buffer.from([0, 20, 1, 1]));
  const [talker, peer] = [await scene.connected(), await scene.connected()];
  await until(() => scene.count("tcpConnections") === 4);
  scene.paths.pin(peer.path);
  scene.sweep(9);
  expect(scene.count("tcpConnections")).toBe(4);
  scene.sweep(1);
  await Promise.all([silent, slow, talker.client].map(hasClosed));
  expect([scene.count("tcpEnded_unused"), scene.count("tcpConnections")]).toEqual([3, 1]);
  // Whose session has ended is a stranger again.
  scene.paths.unpin(peer.path);
  scene.sweep(9);
  expect(scene.count("tcpConnections")).toBe(1);
  scene.sweep(1);
  await hasClosed(peer.client);
});

test("one address gets no more than its share, until its clients have proved themselves", async () => {
  scene = await new Scene().listen();
  const clients = await Promise.all(Array.from({ length: 64 }, () => scene.connected()));
  const refused = await scene.connect();
  await hasClosed(refused);
  expect(scene.count("tcpEnded_network_limit")).toBe(1);
  for (const { path } of clients) scene.paths.pin(path);
  await scene.connected();
  expect([scene.count("tcpConnections"), scene.count("tcpAccepted")]).toEqual([65, 66]);
});

// Only Linux has all of 127.0.0.0/8.
test.skipIf(process.platform !== "linux")(
  "thousands of connections from many addresses hold a thousand places, and let others in",
  async () => {
    scene = await new Scene().listen("0.0.0.0");
    const { path } = await scene.connected();
    scene.paths.pin(path);
    for (let host = 1; host <= 50; host++) {
      await Promise.all(Array.from({ length: 64 }, () => scene.connect(`127.0.1.${host}`)));
    }
    await until(() => scene.count("tcpAccepted") >= 3_201);
    expect(scene.count("tcpConnections")).toBeLessThanOrEqual(1_025);
    expect(scene.count("tcpEnded_crowded_out")).toBeGreaterThan(2_000);
    expect(scene.ended).not.toContain(path);
    await scene.connected();
  },
);

// Only Linux has all of 127.0.0.0/8.
test.skipIf(process.platform !== "linux")(
  "who is crowded out just when it ends leaves no socket behind",
  async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    // Those of the test before.
    await until(() => sockets() === 0);
    scene = await new Scene().listen("0.0.0.0");
    const oldest: Socket[] = [];
    for (let i = 0; i < 1_024; i++) oldest.push(await scene.connect(`127.0.1.${1 + Math.floor(i / 64)}`));
    await until(() => scene.count("tcpConnections") === 1_024);
    for (const [i, client] of oldest.slice(0, 60).entries()) {
      // The end of one and the newcomer that takes its place come in one turn.
      // Quiet, or the listener is heard first.
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      const next = Promise.withResolvers<unknown>();
      client.end(() => next.resolve(scene.connect("127.0.2.1")));
      await next.promise;
      await until(() => scene.count("tcpAccepted") === 1_025 + i);
    }
    expect(scene.count("tcpEnded_crowded_out")).toBeGreaterThan(0);
    await scene.close();
    for (let turn = 0; turn < 1_000 && sockets() > 0; turn++) await nextTurn();
    expect(sockets()).toBe(0);
  },
);

test("with a full path table a connection is refused", async () => {
  scene = await new Scene(1).listen();
  await scene.connected();
  await hasClosed(await scene.connect());
  expect(scene.count("tcpEnded_path_table_full")).toBe(1);
});

test("what a slow receiver does not take is dropped beyond a bound, packet by packet", async () => {
  scene = await new Scene().listen();
  const { client, path } = await scene.connected();
  client.pause();
  const packet = "v".repeat(1_200);
  let turns = 0;
  while (scene.count("downDropped_tcp_backlog") === 0) {
    for (let i = 0; i < 200; i++) scene.put(packet, path);
    scene.send();
    turns += 1;
    await nextTurn();
  }
  const [sent, dropped] = [scene.count("tcpSentBytes"), scene.count("downDropped_tcp_backlog")];
  expect(sent + scene.count("tcpDroppedBytes_backlog")).toBe(turns * 200 * 1_202);
  expect(scene.count("tcpDroppedBytes_backlog")).toBe(dropped * 1_202);
  // All that was taken arrives, as whole packets.
  const received = await read(client.resume() as Socket, sent);
  expect(received.length).toBe(sent);
  for (let at = 0; at < sent; at += 1_202) expect(received.readUInt16BE(at)).toBe(1_200);
});

test("a port that is taken is an error", async () => {
  scene = await new Scene().listen();
  const { paths, counters } = scene;
  const options = { address: V4, port: scene.listener.port, paths, counters, handler: {} as never };
  await expect(listenTcp(options)).rejects.toThrow("EADDRINUSE");
});
