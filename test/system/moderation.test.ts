/**
 * Goal: what LiveKit's server SDK asks for happens to media that flows between real sockets and threads.
 * Method: the server in this process with two media threads, clients of the load test in another, a room in each thread.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { RoomServiceClient } from "livekit-server-sdk";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NO_STORE } from "../../loadtest/no-store.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import type { Participant } from "../../src/control/participant.ts";
import { type Server, startServer } from "../../src/server.ts";

const LIMIT_MS = 20_000;
const ALL = { canPublish: true, canSubscribe: true };

let server: Server;
let api: RoomServiceClient;
let load: ReturnType<typeof spawn>;
/** By thread: who publishes and who watches. */
let publishers: Participant[];
let watchers: Participant[];

async function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const endMs = Date.now() + LIMIT_MS; Date.now() < endMs; await delay(50)) {
    const value = await probe();
    if (value !== undefined) return value;
  }
  throw new Error(`not ${what} in time`);
}

/** Packets sent to a watcher so far. */
async function packetsTo({ room, subscriptions }: Participant): Promise<number> {
  const ids = new Set<string>(subscriptions.map(({ section }) => section.subscriptionId));
  const sent = ((await room.stats())?.downTracks ?? []).filter(({ subscriptionId }) =>
    ids.has(subscriptionId),
  );
  return sent.reduce((sum, { packets }) => sum + packets, 0);
}

async function flows(watcher: Participant, publisher: Participant): Promise<void> {
  await until(`${watcher.identity} receives ${publisher.identity}`, async () => {
    const from = watcher.subscriptions.some(({ track }) => track?.publisher === publisher);
    const before = await packetsTo(watcher);
    await delay(200);
    return from && (await packetsTo(watcher)) > before ? true : undefined;
  });
}

async function isStill(watcher: Participant): Promise<void> {
  await until(`${watcher.identity} receives nothing`, async () => {
    const before = await packetsTo(watcher);
    await delay(200);
    return (await packetsTo(watcher)) === before ? true : undefined;
  });
}

beforeAll(async () => {
  const loaded = loadConfig([], {
    ...NO_STORE,
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "2",
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  });
  if (!loaded.ok) throw new Error(loaded.lines.join());
  server = await startServer(loaded.config, pino({ level: "silent" }));
  const [[apiKey, secret]] = Object.entries(loaded.config.auth.keys) as [[string, string]];
  api = new RoomServiceClient(server.url, apiKey, secret);
  const options = `--url ${server.url} --rooms 2 --publishers 1 --subscribers 1 --seconds 60`.split(" ");
  load = spawn(process.execPath, ["loadtest/main.ts", ...options], { stdio: "ignore" });
  [publishers, watchers] = await until("two rooms with media", () => {
    const all = server.rooms.list.flatMap(({ participants }) => participants);
    const sending = all.filter(({ tracks }) => tracks.some(({ payload }) => payload !== null));
    const receiving = all.filter(({ subscriptions }) => subscriptions.some(({ track }) => track !== null));
    return sending.length === 2 && receiving.length === 2 ? [sending, receiving] : undefined;
  });
});

afterAll(async () => {
  load?.kill("SIGKILL");
  if (load !== undefined) await once(load, "close");
  await server?.drain();
});

test("permission to subscribe, taken away, stops media, and given back, starts it", async () => {
  const [publisher] = publishers;
  const watcher = watchers.find(({ room }) => room === publisher!.room)!;
  await flows(watcher, publisher!);
  const { room, identity } = watcher;
  await api.updateParticipant(room.id, identity, { permission: { ...ALL, canSubscribe: false } });
  await isStill(watcher);
  await api.updateParticipant(room.id, identity, { permission: ALL });
  await flows(watcher, publisher!);
});

test("one that is forwarded is received in the other room too, within its thread and across, until it is removed", async () => {
  const [first, second] = publishers as [Participant, Participant];
  const [near, far] = [first, second].map(({ room }) => watchers.find((one) => one.room === room)!);
  // Rooms of the load test have the same names in them, and a room takes each only once.
  await api.moveParticipant(near!.room.id, near!.identity, "tower");
  await api.moveParticipant(far!.room.id, far!.identity, "loft");
  for (const [room, watcher] of [
    ["tower", near],
    ["loft", far],
  ] as const) {
    await isStill(watcher!);
    await api.forwardParticipant(first.room.id, first.identity, room);
    await flows(watcher!, server.rooms.get(room)!.participant(first.identity)!);
  }
  const threads = [first, near!, far!].map((one) => [...one.transports][0]!.thread.index);
  expect([threads[0] === threads[1], threads[0] === threads[2]]).toEqual([true, false]);
  for (const [room, watcher] of [
    ["tower", near],
    ["loft", far],
  ] as const) {
    await api.removeParticipant(room, first.identity);
    await isStill(watcher!);
    await api.moveParticipant(room, watcher!.identity, (watcher === near ? first : second).room.id);
  }
  await flows(near!, first);
});

test("those who are moved to one room receive each other there, within a thread and across", async () => {
  const [first, second] = publishers as [Participant, Participant];
  const [near, far] = [first, second].map(({ room }) => watchers.find((one) => one.room === room)!);
  await api.moveParticipant(first.room.id, first.identity, "attic");
  await isStill(near!);
  await api.moveParticipant(near!.room.id, near!.identity, "attic");
  await flows(near!, first);
  await flows(far!, second);

  // Rooms of the load test have the same names in them, and a room takes each only once.
  await api.moveParticipant("attic", near!.identity, "cellar");
  await api.moveParticipant(far!.room.id, far!.identity, "attic");
  await flows(far!, first);
  const [up] = [...first.transports];
  const [down] = [...far!.transports];
  expect(up!.thread).not.toBe(down!.thread);
  expect((await api.listParticipants("attic")).map(({ identity }) => identity)).toHaveLength(2);
});

test("permission to publish, taken away, ends tracks for all", async () => {
  const [first] = publishers;
  await api.updateParticipant("attic", first!.identity, { permission: { ...ALL, canPublish: false } });
  for (const watcher of watchers) await isStill(watcher);
  expect((await api.getParticipant("attic", first!.identity)).tracks).toEqual([]);
});
