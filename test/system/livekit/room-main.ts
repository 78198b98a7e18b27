/** `npm run test:room`: a room of synthetic participants who all publish. `--help` tells all. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { commandLine, whole } from "../../../loadtest/command-line.ts";
import { playRoom } from "../../../loadtest/livekit/room.ts";
import { startServer, type TestServer } from "../support/server.ts";

const LIMIT_MS = 60_000;
const ROOM = "many";
/** Threads tell their CPU time once a second. */
const TELLING_MS = 1_100;

const USAGE = `Usage: npm run test:room -- [participants [mode [videos [gap]]]]

A room in which everybody publishes a voice and a camera, played by synthetic participants on this machine. Ends with 1 when
anybody misses a voice, or a video among those that the room forwards.

  participants   2 to 100                                        (30)
  mode           single or dual PeerConnection                   (single)
  videos         that each gets, 1 to 100                        (9)
  gap            between two who join, ms                        (100)
  --help         this text
`;

const {
  participants,
  mode,
  videos,
  gap: gapMs,
} = commandLine({
  usage: USAGE,
  options: z.strictObject({
    participants: whole(2, 100).default(30),
    mode: z.enum(["single", "dual"]).default("single"),
    videos: whole(1, 100).default(9),
    gap: whole(0, 60_000).default(100),
  }),
  places: ["participants", "mode", "videos", "gap"],
});

const server = await startServer({ BLINDFOLD_ROOMS_LAST_VIDEOS: String(videos) });
await delay(TELLING_MS);
const before = await server.metrics();
const outcome = await playRoom({
  url: server.url,
  mode,
  participants,
  gapMs,
  videos,
  limitMs: LIMIT_MS,
  token: (identity) => server.token(ROOM, identity),
});
await delay(TELLING_MS);
const cpu = await cpuSince(server, before);
await server.stop();

const { missing, firstPictureMs, heardMs, negotiations, negotiatedBytes, elapsedMs, cpuSeconds } = outcome;
console.log(`${participants} participants, ${mode} PeerConnection, videos of the last ${videos} who spoke`);
console.log(`first picture after joining, ms: ${spread(firstPictureMs)}`);
console.log(`voice of another after both had joined, ms: ${spread(heardMs)}`);
console.log(
  `negotiations of each: ${spread(negotiations)}; kB: ${spread(negotiatedBytes.map((n) => n / 1_000))}`,
);
console.log(
  `all there after ${Math.round(elapsedMs)} ms; CPU time: participants ${inSeconds(cpuSeconds)}, ${cpu}`,
);
for (const what of missing) console.error(what);
process.exit(missing.length === 0 ? 0 : 1);

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string => String(Math.round(sorted[Math.ceil(part * sorted.length) - 1]!));
  return `median ${at(0.5)}, 95 of 100 ${at(0.95)}, most ${at(1)}`;
}

function inSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

/** By thread of the server; what no thread says of itself is the main thread's. */
async function cpuSince(of: TestServer, then: ReadonlyMap<string, number>): Promise<string> {
  const now = await of.metrics();
  const since = (series: string): number => (now.get(series) ?? 0) - (then.get(series) ?? 0);
  const threads = new Map<string, number>();
  for (const series of now.keys()) {
    const thread = /^blindfold_thread_cpu_seconds_total\{.*thread="([^"]*)"/.exec(series)?.[1];
    if (thread !== undefined) threads.set(thread, since(series));
  }
  const others = [...threads.values()].reduce((sum, one) => sum + one, 0);
  threads.set("main", since("process_cpu_seconds_total") - others);
  return [...threads].map(([thread, seconds]) => `${thread} thread ${inSeconds(seconds)}`).join(", ");
}
