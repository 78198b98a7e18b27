import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { platform } from "node:os";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { describeDatagramSocket } from "../worker/socket-conformance.ts";

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
      for (let round = 0; round < 8; round++) {
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
