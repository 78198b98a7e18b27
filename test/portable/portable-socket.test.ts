import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { createPortableSocket } from "../../src/portable/portable-socket.ts";
import { describeDatagramSocket } from "../worker/socket-conformance.ts";

describeDatagramSocket("portable", createPortableSocket);

/**
 * Goal: a datagram that waits in libuv keeps its bytes, and a turn never piles up behind it.
 * Method: a thread in which Node queues every send, as it does when the kernel has no room.
 */
test("after a push-back the slab is left to libuv and the rest of the turn dropped", async () => {
  const worker = new Worker(new URL("./push-back-worker.ts", import.meta.url), {
    execArgv: ["--test-udp-no-try-send"],
  });
  const [report] = await once(worker, "message");
  expect(report).toEqual({
    dropped: 2,
    replaced: true,
    droppedLater: 1,
    replacedAgain: false,
    heard: ["first"],
    kept: "first",
  });
  await worker.terminate();
});

test("an address that is none is refused", async () => {
  const options = {
    address: "example.org",
    port: 0,
    paths: {} as never,
    handler: {} as never,
    bufferBytes: 1,
    onPathTableFull: () => {},
  };
  await expect(createPortableSocket(options)).rejects.toThrow("EINVAL");
});
