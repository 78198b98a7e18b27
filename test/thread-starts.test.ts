/**
 * Goal: a thread that does not come up holds up nothing: one that hangs while it starts, or dies, is counted and tried again,
 * later each time; and a server that ends, or cannot start, takes along the threads that are on their way.
 * Method: the server in this process. What a worker runs is replaced by an endless loop where it is to hang, and by a throw
 * where it is to die; the watchdog's finding is made by hand, for it takes a minute. Delays are measured, not waited for.
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { NO_STORE } from "../loadtest/no-store.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { type Clock, systemClock } from "../src/control/clock.ts";
import { DataThread } from "../src/control/data-thread.ts";
import { MediaThreads } from "../src/control/media-threads.ts";
import { startServer } from "../src/server.ts";
import { Metrics } from "../src/telemetry/metrics.ts";
import { Threads } from "../src/threads.ts";
import { type Watch, Watchdog } from "../src/watchdog.ts";
import { start } from "./whip-publisher.ts";

/** All that were started, and what those to come run instead of what they should. */
const workers = vi.hoisted(() => ({ all: [] as Worker[], instead: null as string | null }));
const HANG = "for (;;);";
const DIE = "throw new Error('out of memory')";
vi.mock(import("node:worker_threads"), async (original) => {
  const module = await original();
  class Recorded extends module.Worker {
    constructor(...[url, options]: ConstructorParameters<typeof module.Worker>) {
      if (workers.instead !== null) super(workers.instead, { eval: true });
      else super(url, options);
      workers.all.push(this);
    }
  }
  return { ...module, Worker: Recorded };
});

/** How many times yet the addresses of this machine can not be read, as when too many files are open. */
const addresses = vi.hoisted(() => ({ failures: 0 }));
vi.mock(import("../src/local-addresses.ts"), async (original) => {
  const module = await original();
  return {
    ...module,
    threadCandidates(...args) {
      if (addresses.failures-- > 0) throw new Error("uv_interface_addresses returned 24");
      return module.threadCandidates(...args);
    },
  };
});

/** Of those that run: a worker that has ended has no number. */
const running = (): number => workers.all.filter(({ threadId }) => threadId !== -1).length;

/** Starts a server whose threads are the only ones. */
async function startAlone() {
  workers.all.length = 0;
  workers.instead = null;
  const server = await start();
  const [dtls, media] = workers.all;
  return { server, dtls: dtls!, media: media! };
}

/** As the metrics count them. */
function lossesIn(metrics: string): { died: number; hung: number } {
  const count = (reason: string): number =>
    Number(new RegExp(`blindfold_thread_losses_total{reason="${reason}"} (\\d+)`).exec(metrics)![1]);
  return { died: count("died"), hung: count("hung") };
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
      workers.instead = HANG;
      watch.mockClear();
      void first[kind].terminate();
      const hanging = await nextWorker();
      workers.instead = null;
      const ended = once(hanging, "exit");
      expect(watch.mock.calls).toHaveLength(1);
      const { patience } = watch.mock.calls[0]![0];
      const starting = watch.mock.results[0]!.value as Watch & { look(): void };
      for (let i = 0; i < patience; i++) starting.look();
      await ended;
      await once(await nextWorker(), "message");
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      expect(lossesIn(metrics)).toEqual({ died: 1, hung: 1 });
    } finally {
      watch.mockRestore();
      await server.drain();
    }
  },
);

test.each(["media", "dtls"] as const)(
  "a %s thread that dies whenever it starts is tried again, later each time",
  async (kind) => {
    const delays: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after(delayMs, action) {
        delays.push(delayMs);
        if (delays.length === 4) workers.instead = null;
        setImmediate(action);
        return () => {};
      },
    };
    const loaded = loadConfig([], { BLINDFOLD_MEDIA_PORT: "0", BLINDFOLD_MEDIA_THREADS: "1" });
    if (!loaded.ok) throw new Error(loaded.lines.join());
    workers.all.length = 0;
    workers.instead = null;
    const metrics = new Metrics();
    const registry = new MediaThreads(systemClock);
    const data = new DataThread(metrics.data, systemClock);
    const threads = new Threads(loaded.config, pino({ level: "silent" }), metrics, registry, data, clock);
    await threads.start();
    try {
      const [dtls, media] = workers.all;
      workers.instead = DIE;
      void (kind === "dtls" ? dtls : media)!.terminate();
      while (workers.all.length < 6) await delay(10);
      await once(workers.all.at(-1)!, "message");
      expect(delays).toEqual([500, 1_000, 2_000, 4_000]);
      expect(lossesIn(await metrics.exposition())).toEqual({ died: 4, hung: 0 });
    } finally {
      await threads.stop();
    }
  },
);

test("a media thread whose addresses can not be told ends, and is tried again", async () => {
  const { server, media } = await startAlone();
  try {
    addresses.failures = 1;
    void media.terminate();
    await once(await nextWorker(), "message");
    await once(await nextWorker(), "message");
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(running()).toBe(2);
  } finally {
    await server.drain();
  }
});

test("media threads start together, as many at a time as there are cores, and one that cannot ends the others", async () => {
  const cores = availableParallelism();
  const loaded = loadConfig([], {
    ...NO_STORE,
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: `${cores + 1}`,
    BLINDFOLD_HTTP_PORT: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  workers.all.length = 0;
  workers.instead = null;
  const starting = startServer(loaded.config, pino({ level: "silent" }));
  await nextWorker();
  workers.instead = HANG;
  while (workers.all.length < 1 + cores) await delay(10);
  await delay(100);
  expect(workers.all).toHaveLength(1 + cores);
  void workers.all.at(-1)!.terminate();
  await expect(starting).rejects.toThrow(`thread media-${cores - 1}: media thread ended before it listened`);
  expect(running()).toBe(0);
});

test("a server whose port for HTTP is taken leaves no thread", async () => {
  const { server } = await startAlone();
  try {
    const loaded = loadConfig([], {
      ...NO_STORE,
      BLINDFOLD_HTTP_PORT: new URL(server.url).port,
      BLINDFOLD_MEDIA_PORT: "0",
      BLINDFOLD_MEDIA_THREADS: "1",
    });
    if (!loaded.ok) throw new Error(loaded.lines.join());
    await expect(startServer(loaded.config, pino({ level: "silent" }))).rejects.toThrow("EADDRINUSE");
    expect(workers.all).toHaveLength(4);
    expect(running()).toBe(2);
  } finally {
    await server.drain();
  }
});

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
  workers.instead = HANG;
  void first[kind].terminate();
  await nextWorker();
  await server.drain();
  expect(running()).toBe(0);
});
