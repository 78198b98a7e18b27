import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { platform } from "node:os";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { describeDatagramSocket, hasIpv6, Party } from "../worker/socket-conformance.ts";

const isLinux = platform() === "linux";
// Elsewhere the import itself is refused.
const createNativeSocket = isLinux
  ? (await import("../../src/native/native-socket.ts")).createNativeSocket
  : () => Promise.reject(new Error("not here"));

const ECHO = new URL("./echo-worker.ts", import.meta.url);

/** Datagrams that are always on their way, so that a thread never ends at rest. */
async function flood(port: number): Promise<{ stop: () => Promise<void> }> {
  const peer = createSocket("udp4");
  const answered = once(peer, "message");
  peer.on("message", () => {
    for (let i = 0; i < 2; i++) peer.send("again", port, "127.0.0.1");
  });
  for (let i = 0; i < 50; i++) peer.send("first", port, "127.0.0.1");
  await answered;
  return {
    stop: async () => {
      peer.close();
      await once(peer, "close");
    },
  };
}

async function openPair(bufferBytes: number): Promise<[Party, Party]> {
  const open = (): Promise<Party> => new Party().open(createNativeSocket, "127.0.0.1", 0, bufferBytes);
  return [await open(), await open()];
}

async function isFree(port: number): Promise<boolean> {
  const successor = createSocket("udp4");
  successor.bind(port, "127.0.0.1");
  await once(successor, "listening");
  successor.close();
  return true;
}

describe.skipIf(!isLinux)("on Linux", () => {
  describeDatagramSocket("native", createNativeSocket);

  test("an address that is none is refused", async () => {
    const options = {
      address: "example.org",
      port: 0,
      paths: {} as never,
      handler: {} as never,
      bufferBytes: 1,
      onPathTableFull: () => {},
    };
    await expect(createNativeSocket(options)).rejects.toThrow("EINVAL");
  });

  test("ends a turn after 512 datagrams, so that others get theirs, and hears the rest in the next", async () => {
    const [a, b] = await openPair(4 * 1024 * 1024);
    for (let burst = 0; burst < 20; burst++) {
      for (let i = 0; i < 40; i++) a.put(`${burst * 40 + i}`, a.pathTo(b));
      a.socket.send(a.ring);
      a.ring.clear();
    }
    await b.until(() => b.texts.length === 800);
    expect(b.heard.indexOf("|")).toBeLessThanOrEqual(512);
    expect(b.texts).toEqual(Array.from({ length: 800 }, (_, i) => `${i}`));
    await Promise.all([a.socket.close(), b.socket.close()]);
  });

  test.each([
    { expectsMore: true, inOne: true, who: "a handler that expects more gets" },
    { expectsMore: false, inOne: false, who: "another does not get" },
  ])("at rest $who what follows a first datagram in one turn", async ({ expectsMore, inOne }) => {
    const gatherUs = 1_000_000;
    const unopened = new Party();
    unopened.expectsMore = expectsMore;
    const party = await unopened.open(createNativeSocket, "127.0.0.1", 0, 256 * 1024, gatherUs);
    // From another thread: this one sleeps.
    const sender = new Worker(
      `const { workerData } = require("node:worker_threads");
       const socket = require("node:dgram").createSocket("udp4");
       const send = (sent) => socket.send(String(sent), workerData, "127.0.0.1", () => {
         if (sent < 4) setTimeout(send, 10, sent + 1);
         else socket.close();
       });
       send(0);`,
      { eval: true, workerData: party.socket.port },
    );
    await party.until(() => party.texts.length === 5);
    expect(party.texts).toEqual(["0", "1", "2", "3", "4"]);
    expect(party.heard.indexOf("|") === 5).toBe(inOne);
    await once(sender, "exit");
    await party.socket.close();
  });

  test("says when the kernel got each datagram, however late it is read", async () => {
    const [a, b] = await openPair(256 * 1024);
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    for (let burst = 0; burst < 3; burst++) {
      for (let i = 0; i < 40; i++) a.put(`${burst}`, a.pathTo(b));
      a.socket.send(a.ring);
      a.ring.clear();
      Atomics.wait(sleeper, 0, 0, 20);
    }
    await b.until(() => b.texts.length === 120);
    expect(b.heard.indexOf("|"), "read in one turn").toBe(120);
    const latest = (burst: number): number => Math.max(...b.offsetsUs.slice(40 * burst, 40 * (burst + 1)));
    const first = (burst: number): number => Math.min(...b.offsetsUs.slice(40 * burst, 40 * (burst + 1)));
    expect(first(1) - latest(0)).toBeGreaterThan(18_000);
    expect(first(2) - latest(1)).toBeGreaterThan(18_000);
    expect(latest(2)).toBeLessThan(-18_000);
    await Promise.all([a.socket.close(), b.socket.close()]);
  });

  describe.each(["0.0.0.0", ...(hasIpv6 ? ["::"] : [])])("bound to %s, with several addresses", (any) => {
    const OURS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

    /** A peer that says which of our addresses each text came from. */
    async function openPeer() {
      const peer = createSocket("udp4");
      const heard: string[] = [];
      peer.on("message", (bytes, { address }) => heard.push(`${address} ${bytes}`));
      peer.bind(0, "127.0.0.1");
      await once(peer, "listening");
      return { peer, heard };
    }

    test("answers from the one that was asked, one datagram or a segmented run", async () => {
      const server = await new Party().open(createNativeSocket, any);
      const { peer, heard } = await openPeer();
      for (const [i, ours] of OURS.entries()) peer.send(`${i}`, server.socket.port, ours);
      await server.until(() => server.texts.length === OURS.length);
      expect(new Set(server.from).size).toBe(OURS.length);
      const runs = server.texts.map((text) => (text === "1" ? 1 : 20));
      server.texts.forEach((text, i) => {
        for (let n = 0; n < runs[i]!; n++) server.put(text, server.from[i]!);
      });
      expect(await server.send()).toBe(0);
      while (heard.length < 41) await once(peer, "message");
      expect(heard.toSorted()).toEqual([
        ...new Array(20).fill("127.0.0.1 0"),
        "127.0.0.2 1",
        ...new Array(20).fill("127.0.0.3 2"),
      ]);
      peer.close();
      await server.socket.close();
    });

    test("knows a peer again by both addresses", async () => {
      const server = await new Party().open(createNativeSocket, any);
      const { peer } = await openPeer();
      for (let round = 1; round <= 3; round++) {
        for (const ours of OURS) peer.send(ours, server.socket.port, ours);
        await server.until(() => server.texts.length === round * OURS.length);
      }
      const pathsOf = (ours: string): Set<number> =>
        new Set(server.from.filter((_, i) => server.texts[i] === ours));
      for (const ours of OURS) expect(pathsOf(ours).size).toBe(1);
      expect(server.from.map((path) => server.paths.address(path))).toEqual(new Array(9).fill("127.0.0.1"));
      peer.close();
      await server.socket.close();
    });
  });

  test.skipIf(!hasIpv6)("segments for IPv4 and IPv6 peers of one socket", async () => {
    const dual = await new Party().open(createNativeSocket, "::");
    const [four, six] = [
      await new Party().open(createNativeSocket),
      await new Party().open(createNativeSocket, "::1"),
    ];
    for (let i = 0; i < 20; i++) {
      dual.put(`to four ${i}`, dual.pathTo(four));
      dual.put(`to six ${i}`, dual.pathTo(six, "::1"));
    }
    expect(await dual.send()).toBe(0);
    for (const [name, peer] of Object.entries({ four, six })) {
      await peer.until(() => peer.texts.length === 20);
      expect(peer.texts).toEqual(Array.from({ length: 20 }, (_, i) => `to ${name} ${i}`));
    }
    await Promise.all([dual, four, six].map(({ socket }) => socket.close()));
  });

  /**
   * Goal: a thread may end in any way, and neither the process nor the port suffers.
   * Method: several threads one after another, each under a flood of datagrams; an abort would end this very process.
   */
  describe("a thread with a socket under load", () => {
    test("closes it and ends", async () => {
      const worker = new Worker(ECHO);
      const [port] = await once(worker, "message");
      const load = await flood(port);
      const ended = Promise.all([once(worker, "message"), once(worker, "exit")]);
      worker.postMessage("close");
      expect(await ended).toEqual([["closed"], [0]]);
      await load.stop();
      expect(await isFree(port)).toBe(true);
    });

    test("may be terminated without closing it", async () => {
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(ECHO);
        const [port] = await once(worker, "message");
        const load = await flood(port);
        await worker.terminate();
        await load.stop();
        expect(await isFree(port)).toBe(true);
      }
    });

    test("may be left running when the process exits", () => {
      const code = `
        const { Worker } = require("node:worker_threads");
        const worker = new Worker(new URL(${JSON.stringify(ECHO.href)}));
        worker.once("message", (port) => {
          const peer = require("node:dgram").createSocket("udp4");
          let answers = 0;
          peer.on("message", () => {
            if (++answers === 200) process.exit(7);
            for (let i = 0; i < 2; i++) peer.send("again", port, "127.0.0.1");
          });
          for (let i = 0; i < 50; i++) peer.send("first", port, "127.0.0.1");
        });`;
      let status: unknown;
      try {
        execFileSync(process.execPath, ["-e", code], { stdio: "ignore" });
      } catch (error) {
        status = (error as { status: unknown }).status;
      }
      expect(status).toBe(7);
    });
  });
});
