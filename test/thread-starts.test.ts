/**
 * Goal: a thread that does not come up holds up nothing: one that hangs while it starts is ended and tried again, and a server
 * that ends takes along the threads that are on their way.
 * Method: the server in this process. What a worker runs is replaced by an endless loop where it is to hang; the watchdog's
 * finding is made by hand, for it takes a minute.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { expect, test, vi } from "vitest";
import { Watchdog } from "../src/watchdog.ts";
import { start } from "./whip-publisher.ts";

/** All that were started; those to come hang at once while `hang` is set. */
const workers = vi.hoisted(() => ({ all: [] as Worker[], hang: false }));
vi.mock(import("node:worker_threads"), async (original) => {
  const module = await original();
  class Recorded extends module.Worker {
    constructor(...[url, options]: ConstructorParameters<typeof module.Worker>) {
      if (workers.hang) super("for (;;);", { eval: true });
      else super(url, options);
      workers.all.push(this);
    }
  }
  return { ...module, Worker: Recorded };
});

/** Of those that run: a worker that has ended has no number. */
const running = (): number => workers.all.filter(({ threadId }) => threadId !== -1).length;

/** Starts a server whose threads are the only ones. */
async function startAlone() {
  workers.all.length = 0;
  workers.hang = false;
  const server = await start();
  const [dtls, media] = workers.all;
  return { server, dtls: dtls!, media: media! };
}

async function nextWorker(): Promise<Worker> {
  for (const before = workers.all.length; workers.all.length === before; ) await delay(10);
  return workers.all.at(-1)!;
}

test.each(["media", "dtls"] as const)(
  "a %s thread that hangs while it starts is tried again",
  async (kind) => {
    const watch = vi.spyOn(Watchdog.prototype, "watch");
    const { server, ...first } = await startAlone();
    try {
      workers.hang = true;
      watch.mockClear();
      void first[kind].terminate();
      const hanging = await nextWorker();
      workers.hang = false;
      const ended = once(hanging, "exit");
      expect(watch.mock.calls).toHaveLength(1);
      watch.mock.calls[0]![0].onHang();
      await ended;
      await once(await nextWorker(), "message");
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    } finally {
      watch.mockRestore();
      await server.drain();
    }
  },
);

test.each(["media", "dtls"] as const)(
  "a server that ends leaves no %s thread that was starting",
  async (kind) => {
    const { server, ...first } = await startAlone();
    void first[kind].terminate();
    await nextWorker();
    await server.drain();
    expect(running()).toBe(0);
  },
);

test.each(["media", "dtls"] as const)("nor one that hung while it did so: %s", async (kind) => {
  const { server, ...first } = await startAlone();
  workers.hang = true;
  void first[kind].terminate();
  await nextWorker();
  await server.drain();
  expect(running()).toBe(0);
});
