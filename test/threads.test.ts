/**
 * Goal: a media thread that dies takes its own rooms only. Their sessions end, so that clients come back; the thread is
 * replaced; and a room in another thread goes on as if nothing had happened. A DTLS thread that dies takes the handshakes
 * with it: the sessions that wait for one end.
 * Method: the server in this process, under the load of real clients in another. A command that no version of control
 * would send makes a thread throw. Of clients that wait for a handshake there is no more than their offer.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { SignJWT } from "jose";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import type { TransportId } from "../src/base/ids.ts";
import { loadConfig } from "../src/config/load-config.ts";
import type { Room } from "../src/control/room.ts";
import type { Transport } from "../src/control/transport.ts";
import { type Server, startServer } from "../src/server.ts";

const LIMIT_MS = 20_000;

const OFFER = readFileSync(new URL("sdp/offers/chromium-publish-single.sdp", import.meta.url), "utf8");

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

async function start(threads: number): Promise<Server> {
  const loaded = loadConfig([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: `${threads}`,
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  return startServer(loaded.config, pino({ level: "silent" }));
}

/** Joins the hall by WHIP. Returns its transport, for which the handshake has still to come. */
async function publish({ url, rooms }: Server, identity: string): Promise<Transport> {
  const token = await new SignJWT({ video: { roomJoin: true, room: "hall" } })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("devkey")
    .setSubject(identity)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode("development-secret-known-to-everyone"));
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
  const reply = await fetch(`${url}/whip/hall`, { method: "POST", headers, body: OFFER });
  expect(reply.status).toBe(201);
  return [...rooms.get("hall")!.participant(identity)!.transports][0]!;
}

test("sessions that wait for a handshake end when the DTLS thread is replaced, and none after it", async () => {
  const server = await start(1);
  try {
    const closed: string[] = [];
    const join = async (identity: string): Promise<void> => {
      (await publish(server, identity)).onClosed((reason) => closed.push(`${identity}: ${reason}`));
    };
    await join("before");
    const { dataThread } = server.rooms.get("hall")!;
    const died = Promise.withResolvers<void>();
    const attach = vi.spyOn(dataThread, "attach");
    dataThread.route("TP_none" as TransportId, () => died.resolve());
    dataThread.post(null as never);
    await died.promise;
    await join("meanwhile");
    await until("replaced", () => (attach.mock.calls.length > 0 ? true : undefined));
    await join("after");
    await until("ended", () => (closed.length >= 2 ? true : undefined));
    await delay(200);
    expect(closed.sort()).toEqual(["before: connection_failed", "meanwhile: connection_failed"]);
  } finally {
    await server.drain();
  }
});

test("a thread that dies under load is replaced, and the other thread's room goes on", async () => {
  const server = await start(2);
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
