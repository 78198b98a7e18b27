/**
 * What every body of `DatagramSocket` must do, over loopback. A test file per body calls `describeDatagramSocket`.
 *
 * Nothing here waits for a time: a test goes on when the datagrams it expects have come.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces, platform } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { PathTable } from "../../src/base/path-table.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import type { DatagramSocket, DatagramSocketOptions } from "../../src/worker/datagram-socket.ts";

type Create = (options: DatagramSocketOptions) => Promise<DatagramSocket>;

const V4 = "127.0.0.1";
export const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === "::1"),
);
/** `fe80::…%eth0`: an address that means nothing without its interface (RFC 4007 §11). */
const linkLocal = Object.entries(networkInterfaces())
  .flatMap(([name, list]) => list!.map(({ address }) => `${address}%${name}`))
  .find((address) => address.startsWith("fe80:"));

/** A socket under test with its table, its ring, and a record of what it heard. */
export class Party {
  readonly paths: PathTable;
  readonly ring = new TransmitRing(64);
  /** Texts of datagrams, and `|` for the end of each batch. */
  readonly heard: string[] = [];
  readonly from: PathId[] = [];
  /** When each of them came, as far as the socket knows. */
  readonly offsetsUs: number[] = [];
  tableFull = 0;
  socket!: DatagramSocket;
  /** As the handler says of a socket that is opened after it is set. */
  expectsMore = false;
  #waiting: { until: () => boolean; go: () => void } | null = null;

  constructor(pathCapacity = 16) {
    this.paths = new PathTable(pathCapacity);
  }

  async open(create: Create, address = V4, port = 0, bufferBytes = 256 * 1024, gatherUs = 0): Promise<this> {
    this.socket = await create({
      address,
      port,
      paths: this.paths,
      bufferBytes,
      gatherUs,
      onPathTableFull: () => {
        this.tableFull += 1;
        this.#wake();
      },
      handler: {
        expectsMore: this.expectsMore,
        onDatagram: (bytes, length, path, offsetUs) => {
          this.offsetsUs.push(offsetUs);
          this.heard.push(Buffer.from(bytes.subarray(0, length)).toString("latin1"));
          this.from.push(path);
          bytes.fill(0, 0, length);
        },
        onBatchEnd: () => {
          this.heard.push("|");
          this.#wake();
        },
      },
    });
    return this;
  }

  /** Queues one datagram for the next `send`. */
  put(text: string, path: PathId): void {
    const at = this.ring.reserve();
    Buffer.from(this.ring.slab.buffer).write(text, at, "latin1");
    this.ring.commitRaw(text.length, path);
  }

  /** Sends what was put. Returns what was dropped, now or, where the body learns late, by the next turn. */
  async send(): Promise<number> {
    const now = this.socket.send(this.ring);
    this.ring.clear();
    await nextTurn();
    return now + this.socket.send(this.ring);
  }

  pathTo(other: Party, address = V4): PathId {
    return this.paths.intern(address, other.socket.port);
  }

  get texts(): string[] {
    return this.heard.filter((text) => text !== "|");
  }

  /** Waits, batch by batch, until `isDone`. */
  async until(isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    await new Promise<void>((go) => {
      this.#waiting = { until: isDone, go };
    });
  }

  #wake(): void {
    if (this.#waiting?.until() !== true) return;
    this.#waiting.go();
    this.#waiting = null;
  }
}

export function describeDatagramSocket(name: string, create: Create): void {
  describe(name, () => {
    const parties: Party[] = [];
    const open = async (address = V4, pathCapacity = 16): Promise<Party> => {
      const party = await new Party(pathCapacity).open(create, address);
      parties.push(party);
      return party;
    };
    afterEach(async () => {
      await Promise.all(parties.splice(0).map(({ socket }) => socket.close()));
    });

    test("chooses a port, says which, and does not share it", async () => {
      const one = await open();
      expect(one.socket.port).toBeGreaterThan(0);
      await expect(new Party().open(create, V4, one.socket.port)).rejects.toThrow("EADDRINUSE");
    });

    test("carries a turn's datagrams in order, and the answer back over the path they came by", async () => {
      const [a, b] = [await open(), await open()];
      const sent = Array.from({ length: 40 }, (_, i) => `datagram ${i} ${"x".repeat(i * 37)}`);
      for (const text of sent) a.put(text, a.pathTo(b));
      expect(await a.send()).toBe(0);
      await b.until(() => b.texts.length === sent.length);
      expect(b.texts).toEqual(sent);
      expect(new Set(b.from).size).toBe(1);
      expect(b.paths.address(b.from[0]!)).toBe(V4);
      expect(b.paths.port(b.from[0]!)).toBe(a.socket.port);

      b.put("answer", b.from[0]!);
      await b.send();
      await a.until(() => a.texts.length === 1);
      expect(a.texts).toEqual(["answer"]);
      expect(a.from).toEqual([a.pathTo(b)]);
    });

    test("a connection of the same address and port is another path, whose rows are somebody else's", async () => {
      const [a, b] = [await open(), await open()];
      const connection = a.paths.addConnection(V4, b.socket.port);
      a.put("over TCP", connection);
      a.put("over UDP", a.pathTo(b));
      // What has been sent elsewhere is taken out so.
      a.ring.bytes[0] = 0;
      expect(await a.send()).toBe(0);
      await b.until(() => b.texts.length === 1);
      expect(b.texts).toEqual(["over UDP"]);
      b.put("answer", b.from[0]!);
      await b.send();
      await a.until(() => a.texts.length === 1);
      expect(a.from).toEqual([a.pathTo(b)]);
    });

    test("ends every batch once, after its datagrams", async () => {
      const [a, b] = [await open(), await open()];
      for (let turn = 1; turn <= 5; turn++) {
        for (let i = 0; i < 8; i++) a.put("x", a.pathTo(b));
        await a.send();
        await b.until(() => b.texts.length === turn * 8 && b.heard.at(-1) === "|");
      }
      expect(b.heard[0]).toBe("x");
      expect(b.heard.join("")).not.toContain("||");
    });

    test("hears an empty datagram and a large one", async () => {
      const a = await open();
      const peer = createSocket("udp4");
      peer.send("", a.socket.port, V4);
      peer.send("y".repeat(1500), a.socket.port, V4);
      await a.until(() => a.texts.length === 2);
      expect(a.texts).toEqual(["", "y".repeat(1500)]);
      peer.close();
    });

    test("skips rows of 0 bytes, which are not drops", async () => {
      const [a, b] = [await open(), await open()];
      for (const text of ["one", "", "two"]) a.put(text, a.pathTo(b));
      expect(await a.send()).toBe(0);
      await b.until(() => b.texts.length >= 2);
      expect(b.texts).toEqual(["one", "two"]);
    });

    test("counts what the kernel refuses, and sends the rest of the turn", async () => {
      const [a, b] = [await open(), await open()];
      a.put("one", a.pathTo(b));
      for (const text of ["broadcast", "is not allowed"]) a.put(text, a.paths.intern("255.255.255.255", 9));
      a.put("port 0 is none", a.paths.intern(V4, 0));
      a.put("two", a.pathTo(b));
      expect(await a.send()).toBe(3);
      await b.until(() => b.texts.length === 2);
      expect(b.texts).toEqual(["one", "two"]);
    });

    test("goes on after datagrams to a closed port", async () => {
      const [a, b, gone] = [await open(), await open(), await open()];
      await gone.socket.close();
      for (let turn = 0; turn < 3; turn++) {
        a.put("to nobody", a.pathTo(gone));
        await a.send();
      }
      a.put("to somebody", a.pathTo(b));
      await a.send();
      await b.until(() => b.texts.length === 1);
      expect(b.texts).toEqual(["to somebody"]);
    });

    test("says when the path table is full, and drops the datagram", async () => {
      const crowded = await open(V4, 1);
      const [first, second] = [await open(), await open()];
      crowded.paths.pin(crowded.pathTo(first));
      second.put("no place", second.pathTo(crowded));
      await second.send();
      await crowded.until(() => crowded.tableFull === 1);
      first.put("known", first.pathTo(crowded));
      await first.send();
      await crowded.until(() => crowded.texts.length === 1);
      expect(crowded.texts).toEqual(["known"]);
    });

    test("tells addresses apart when their ids are used again, whoever used them", async () => {
      const small = await open(V4, 1);
      const [first, second] = [await open(), await open()];
      const hear = async (peer: Party): Promise<void> => {
        const heard = small.texts.length;
        peer.put("x", peer.pathTo(small));
        await peer.send();
        await small.until(() => small.texts.length > heard);
        const path = small.from.at(-1)!;
        expect(small.paths.port(path)).toBe(peer.socket.port);
        small.put("answer", path);
        await small.send();
        await peer.until(() => peer.texts.length > 0);
        expect(peer.texts).toEqual(["answer"]);
        peer.heard.length = 0;
      };
      for (const peer of [first, second, first, first, second]) await hear(peer);
      // The same id again, but not through the socket.
      small.paths.intern("192.0.2.1", 1);
      await hear(second);
      await hear(first);
    });

    test("hears many peers, and answers each", async () => {
      const many = await open(V4, 64);
      const peers = await Promise.all(Array.from({ length: 60 }, () => open()));
      for (const [i, peer] of peers.entries()) peer.put(`from ${i}`, peer.pathTo(many));
      for (const peer of peers) await peer.send();
      await many.until(() => many.texts.length === peers.length);
      for (const path of many.from) many.put(`to port ${many.paths.port(path)}`, path);
      expect(await many.send()).toBe(0);
      for (const peer of peers) {
        await peer.until(() => peer.texts.length === 1);
        expect(peer.texts).toEqual([`to port ${peer.socket.port}`]);
      }
    });

    test("says what buffers the kernel granted, and what it lost, if it knows", async () => {
      const a = await open();
      expect(a.socket.receiveBufferBytes).toBeGreaterThan(0);
      expect(a.socket.sendBufferBytes).toBeGreaterThan(0);
      expect([0, undefined]).toContain(a.socket.receiveDrops());
      await a.socket.close();
      expect([0, undefined]).toContain(a.socket.receiveDrops());
    });

    test.skipIf(platform() !== "linux")("counts what the kernel had no room for", async () => {
      const a = await open();
      const b = await new Party().open(create, V4, 0, 16 * 1024);
      parties.push(b);
      const path = a.paths.intern(V4, b.socket.port);
      const sent = 400;
      for (let burst = 0; burst < 10; burst++) {
        for (let i = 0; i < sent / 10; i++) a.put("x".repeat(1200), path);
        a.socket.send(a.ring);
        a.ring.clear();
      }
      const isAllAccountedFor = (): boolean => b.texts.length + b.socket.receiveDrops()! >= sent;
      for (let turn = 0; turn < 1_000 && !isAllAccountedFor(); turn++) await nextTurn();
      expect(b.texts.length).toBeGreaterThan(0);
      expect(b.socket.receiveDrops()).toBe(sent - b.texts.length);
    });

    test("drops what is longer than a slot, and tells of it after its end too", async () => {
      const [a, b] = [await open(), await open()];
      const peer = createSocket("udp4");
      const send = promisify<string, number, string>(peer.send.bind(peer));
      await send("y".repeat(2_049), b.socket.port, V4);
      await send("z".repeat(60_000), b.socket.port, V4);
      await send("fits", b.socket.port, V4);
      peer.close();
      await b.until(() => b.texts.length > 0);
      expect(b.texts).toEqual(["fits"]);
      if (platform() === "linux") expect(b.socket.receiveDrops()).toBe(2);
      await b.socket.close();
      if (platform() === "linux") expect(b.socket.receiveDrops()).toBe(2);
      expect([0, undefined]).toContain(a.socket.receiveDrops());
    });

    test("is silent at once when its handler closes it", async () => {
      const a = await open();
      const heard: number[] = [];
      const closed = Promise.withResolvers<void>();
      const socket = await create({
        address: V4,
        port: 0,
        paths: new PathTable(1),
        bufferBytes: 1024 * 1024,
        onPathTableFull: () => {},
        handler: {
          onDatagram: (_bytes, length) => {
            heard.push(length);
            void socket.close().then(closed.resolve);
          },
          onBatchEnd: () => heard.push(-1),
        },
      });
      const path = a.paths.intern(V4, socket.port);
      for (let burst = 0; burst < 4; burst++) {
        for (let i = 0; i < 50; i++) a.put("x", path);
        a.socket.send(a.ring);
        a.ring.clear();
      }
      await closed.promise;
      await nextTurn();
      expect(heard).toEqual([1]);
    });

    test("is silent after close, which may be called twice and frees the port", async () => {
      const a = await open();
      const { port } = a.socket;
      const peer = createSocket("udp4");
      peer.send("late", port, V4);
      await a.socket.close();
      await a.socket.close();
      a.put("not any more", a.paths.intern(V4, port));
      expect(await a.send()).toBe(1);
      const successor = await new Party().open(create, V4, port);
      parties.push(successor);
      peer.send("for the successor", port, V4);
      await successor.until(() => successor.texts.length === 1);
      expect(a.heard).toEqual([]);
      peer.close();
      await once(peer, "close");
    });

    describe.skipIf(!hasIpv6)("on ::", () => {
      test("IPv4 peers have their IPv4 address, and are answered", async () => {
        const dual = await open("::");
        const peer = await open();
        peer.put("from IPv4", peer.pathTo(dual));
        await peer.send();
        await dual.until(() => dual.texts.length === 1);
        expect(dual.paths.address(dual.from[0]!)).toBe(V4);
        dual.put("back", dual.from[0]!);
        expect(await dual.send()).toBe(0);
        await peer.until(() => peer.texts.length === 1);
        expect(peer.texts).toEqual(["back"]);
      });

      test("IPv6 peers are heard and answered", async () => {
        const dual = await open("::");
        const peer = await open("::1");
        peer.put("from IPv6", peer.pathTo(dual, "::1"));
        await peer.send();
        await dual.until(() => dual.texts.length === 1);
        expect(dual.paths.address(dual.from[0]!)).toBe("::1");
        dual.put("back", dual.from[0]!);
        expect(await dual.send()).toBe(0);
        await peer.until(() => peer.texts.length === 1);
        expect(peer.texts).toEqual(["back"]);
      });

      test.skipIf(linkLocal === undefined)("link-local peers are known with their interface", async () => {
        const dual = await open("::");
        const peer = await open(linkLocal!);
        peer.put("from a link", peer.pathTo(dual, linkLocal!));
        await peer.send();
        await dual.until(() => dual.texts.length === 1);
        expect(dual.paths.address(dual.from[0]!)).toBe(linkLocal);
        dual.put("back", dual.from[0]!);
        expect(await dual.send()).toBe(0);
        await peer.until(() => peer.texts.length === 1);
        expect(peer.texts).toEqual(["back"]);
      });
    });
  });
}
