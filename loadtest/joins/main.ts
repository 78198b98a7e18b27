/** `npm run soak:joins`: whether a server leaks resources of participants that have left. See `--help`. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import { createDtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import { chooseTier } from "../../src/worker/choose-tier.ts";
import { loadTier } from "../../src/worker/tiers.ts";
import type { ClientTools } from "../client/load-client.ts";
import { monotonicUs } from "../client/monotonic-clock.ts";
import { Signalling } from "../client/signalling.ts";
import { commandLine, whole } from "../command-line.ts";
import { Meter } from "../measure/meter.ts";
import { startBlindfold } from "../server-process.ts";
import { Calls, JOINS_PER_CALL } from "./calls.ts";
import { type Holdings, readHoldings } from "./holdings.ts";

const HOST = "127.0.0.1";
/** Time until silent participants are removed, empty rooms end, and idle HTTP connections are closed (72 s). */
const DRAIN_LIMIT_MS = 120_000;
const POLL_MS = 1_000;
/** Memory should be constant after so many: caches are full and code is compiled. */
const SETTLED_JOINS = 2_000;

const USAGE = `Usage: npm run soak:joins -- [options]

Whether a server keeps anything of those who have left: participants join short calls (WHIP and WHEP, with DTLS, video
and feedback), and leave, most by a request and some without a word. Starts a server of its own, prints what it holds as it
goes on, and what is left when all have gone. Ends with 1 when that is anything, or when somebody could not join. Linux only.

  --joins N           all together                               (10000)
  --per-second N      joins                                      (30)
  --every N           joins between two readings                 (500)
  --port N            of the server's HTTP, and the next one     (27890)
  --help              this text
`;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    joins: whole(1, 10_000_000).default(10_000),
    "per-second": z.coerce.number().min(0.1).max(1_000).default(30),
    every: whole(1, 1_000_000).default(500),
    port: whole(1_024, 65_534).default(27_890),
  }),
});

async function createTools(url: string): Promise<ClientTools> {
  const { ciphers } = await loadTier((await chooseTier("auto")).tier);
  return {
    settings: {
      serverHost: HOST,
      video: "single",
      audio: true,
      bitratesBps: [500_000],
      framesPerSecond: 30,
      profiles: [SRTP_AEAD_AES_128_GCM],
    },
    signalling: new Signalling(url, { kind: "development" }),
    certificate: await createDtlsCertificate(),
    ciphers,
    meter: new Meter(),
    clock: monotonicUs,
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

function tell(joins: number, { residentBytes, ...rest }: Holdings): void {
  const others = Object.entries(rest).map(([name, count]) => `${count} ${name}`);
  console.log(
    `${String(joins).padStart(6)} joins: ${mebibytes(residentBytes).padStart(6)} MiB, ${others.join(", ")}`,
  );
}

/** `files`: number of files that were open before the first join. */
function isEmpty(holdings: Holdings, files: number): boolean {
  const { objects, associations, rooms, participants } = holdings;
  return objects + associations + rooms + participants === 0 && holdings.files <= files;
}

/** What it holds once nobody is left, or when the time for that is over. */
async function drained(url: string, files: number): Promise<Holdings> {
  for (const limitMs = performance.now() + DRAIN_LIMIT_MS; ; await delay(POLL_MS)) {
    const holdings = await readHoldings(url);
    if (isEmpty(holdings, files) || performance.now() > limitMs) return holdings;
  }
}

/** Growth of memory after settling, in bytes a join: the slope of a line through the readings (least squares). */
function growth(readings: readonly (readonly [joins: number, bytes: number])[]): number {
  const settled = readings.filter(([joins]) => joins >= SETTLED_JOINS);
  const mean = (pick: 0 | 1): number => settled.reduce((sum, one) => sum + one[pick], 0) / settled.length;
  const [x, y] = [mean(0), mean(1)];
  const sum = (of: (joins: number, bytes: number) => number): number =>
    settled.reduce((total, [joins, bytes]) => total + of(joins - x, bytes - y), 0);
  return sum((joins, bytes) => joins * bytes) / sum((joins) => joins * joins);
}

const { joins, every, port } = values;
const server = await startBlindfold(HOST, port, {
  BLINDFOLD_HTTP_RATE_LIMIT_PER_MINUTE: "1000000",
});
try {
  const calls = new Calls(await createTools(server.url));
  const before = await readHoldings(server.url);
  tell(0, before);
  const readings: [number, number][] = [];
  while (calls.joins < joins && calls.failures.size === 0) {
    await calls.run(Math.ceil(every / JOINS_PER_CALL), values["per-second"] / JOINS_PER_CALL);
    const holdings = await readHoldings(server.url);
    readings.push([calls.joins, holdings.residentBytes]);
    tell(calls.joins, holdings);
  }
  calls.end();
  const after = await drained(server.url, before.files);
  tell(calls.joins, after);
  if (joins > 2 * SETTLED_JOINS)
    console.log(`grew by ${growth(readings).toFixed(0)} bytes a join after the first ${SETTLED_JOINS}`);
  for (const [reason, count] of calls.failures) console.log(`${count} could not join: ${reason}`);
  const isClean = isEmpty(after, before.files);
  console.log(isClean ? "nothing is left of them" : "something is left of them");
  process.exitCode = isClean && calls.failures.size === 0 ? 0 : 1;
} finally {
  await server.stop();
}
