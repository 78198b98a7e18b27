/**
 * Goal: a media thread that dies takes its own rooms only. Their sessions end, so that clients come back; the thread is
 * replaced; and a room in another thread goes on as if nothing had happened.
 * Method: the server in this process, under the load of real clients in another. A command that no version of control
 * would send makes a thread throw.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import { loadConfig } from "../src/config/load-config.ts";
import type { Room } from "../src/control/room.ts";
import type { Transport } from "../src/control/transport.ts";
import { startServer } from "../src/server.ts";

const LIMIT_MS = 20_000;

async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const endMs = Date.now() + LIMIT_MS; Date.now() < endMs; await delay(50)) {
    const value = await probe();
    if (value !== undefined) return value;
  }
  throw new Error(`not ${what} in time`);
}

const transportsOf = (room: Room): Transport[] =>
  room.participants.flatMap(({ transports }) => [...transports]);

/** Packets sent to all who watch in a room; undefined until each of them is sent some. */
async function packetsSent(room: Room): Promise<number | undefined> {
  const sent = ((await room.stats())?.downTracks ?? []).filter(({ packets }) => packets > 0);
  return sent.length < 2 ? undefined : sent.reduce((sum, { packets }) => sum + packets, 0);
}

test("a thread that dies under load is replaced, and the other thread's room goes on", async () => {
  const loaded = loadConfig([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "2",
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  const server = await startServer(loaded.config, pino({ level: "silent" }));
  const { rooms, mediaThreads } = server;
  const options = `--url ${server.url} --rooms 2 --publishers 1 --subscribers 1 --seconds 60`.split(" ");
  const load = spawn(process.execPath, ["loadtest/main.ts", ...options], { stdio: "ignore" });
  try {
    const [doomed, spared] = await until("two rooms with media", async () => {
      const list = rooms.list;
      const sent = await Promise.all(list.map(packetsSent));
      return list.length === 2 && sent.every((count) => count !== undefined) ? list : undefined;
    });
    const [dying] = transportsOf(doomed!).map(({ thread }) => thread);
    expect(transportsOf(spared!).every(({ thread }) => thread !== dying)).toBe(true);
    const staying = transportsOf(spared!);
    const ended = transportsOf(doomed!).map(
      (transport) => new Promise<string>((resolve) => transport.onClosed(resolve)),
    );

    dying!.post({ kind: "transport.open" } as never);
    expect(new Set(await Promise.all(ended))).toEqual(new Set(["media_thread_exited"]));
    expect(mediaThreads.count).toBe(1);

    const before = (await packetsSent(spared!))!;
    await until("replaced", () => (mediaThreads.count === 2 ? true : undefined));
    await until("going on", async () => ((await packetsSent(spared!))! > before + 200 ? true : undefined));
    expect(transportsOf(spared!)).toEqual(staying);
    expect(staying.map(({ state }) => state)).toEqual(
      staying.map(() => ({ kind: "open", connection: "connected" })),
    );
  } finally {
    load.kill("SIGKILL");
    await once(load, "close");
    await server.drain();
  }
});
