/**
 * npm run bench:threads -- [--fan-out 50] [--viewers 200] [--burst 1,8] [--profile gcm] [--rounds 5] [--ms 2000]
 *
 * What a second media thread costs: two rooms in two threads beside one room in one, and a room of many viewers in two
 * threads, joined by a pipe, beside the same room in one. They take turns, so that a noisy machine is noisy to all; a ratio
 * is that of one round, the median of all rounds is printed with their range. CPU time is that of the media threads.
 */
import { parseArgs } from "node:util";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import type { Load } from "./load.ts";
import { Line, type Measurement } from "./measure.ts";
import { startRoom } from "./room.ts";
import { spread } from "./spread.ts";

/** Of a core, for a room in one thread: on two cores there must be room for a second thread, the generators and the sinks. */
const SHARE_OF_CORE = 0.3;

const WARM_UPS = 3;
const WARM_UP_MS = 500;

const { values } = parseArgs({
  options: {
    "fan-out": { type: "string", default: "50" },
    viewers: { type: "string", default: "200" },
    burst: { type: "string", default: "1,8" },
    profile: { type: "string", default: "gcm" },
    rounds: { type: "string", default: "5" },
    ms: { type: "string", default: "2000" },
  },
});

const rounds = Number(values.rounds);
const ms = Number(values.ms);
const profile = values.profile === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80;

/** Packets for each second of CPU time, all lines together. */
function rateOf(measurements: readonly Measurement[]): number {
  const sum = (pick: (one: Measurement) => number): number =>
    measurements.reduce((total, one) => total + pick(one), 0);
  return (sum(({ packets }) => packets) / sum(({ cpuUs }) => cpuUs)) * 1e6;
}

type Open = () => Promise<readonly Line[]>;

/** Of freshly started threads, once their code is compiled. */
async function sample(open: Open, burstsPerSecond: number): Promise<readonly Measurement[]> {
  const lines = await open();
  const at = (forMs: number): Promise<Measurement[]> =>
    Promise.all(lines.map((line) => line.sample(burstsPerSecond, forMs)));
  try {
    for (let i = 0; i < WARM_UPS; i++) await at(WARM_UP_MS);
    const measurements = await at(ms);
    for (const line of lines) line.check();
    return measurements;
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

/** The load at which a thread is busy for `SHARE_OF_CORE`. */
async function rateFor(open: Open): Promise<number> {
  const [line] = await open();
  try {
    return await line!.rateFor(SHARE_OF_CORE);
  } finally {
    await line!.close();
  }
}

/** A row: `two` against `one`, at the same load for each room. */
async function compare(what: string, one: Open, two: Open, isCost: boolean): Promise<Record<string, string>> {
  const rate = await rateFor(one);
  const ratios: number[] = [];
  const all: Measurement[] = [];
  for (let round = 0; round < rounds; round++) {
    const ofOne = await sample(one, rate);
    const ofTwo = await sample(two, rate);
    ratios.push(isCost ? rateOf(ofOne) / rateOf(ofTwo) : rateOf(ofTwo) / rateOf(ofOne));
    all.push(...ofOne, ...ofTwo);
  }
  return {
    what,
    ratio: spread(ratios, 2),
    "busy %": spread(
      all.map(({ busy }) => busy * 100),
      0,
    ),
    "loss %": spread(
      all.map(({ loss }) => loss * 100),
      2,
    ),
  };
}

const room = (load: Load, threads: number): Promise<Line> =>
  Line.open(load, (ofLine, sinkPort) => startRoom(ofLine, sinkPort, threads));

const rows: Record<string, string>[] = [];
for (const burst of values.burst.split(",").map(Number)) {
  const loadOf = (fanOut: string): Load => ({ kind: "video", profile, fanOut: Number(fanOut), burst });
  const small = loadOf(values["fan-out"]);
  const large = loadOf(values.viewers);
  rows.push(
    await compare(
      `two rooms of 1→${small.fanOut} ×${burst} in two threads: packets/CPU s, to one room in one`,
      async () => [await room(small, 1)],
      () => Promise.all([room(small, 1), room(small, 1)]),
      false,
    ),
    await compare(
      `a room of 1→${large.fanOut} ×${burst} piped over two threads: CPU a packet, to all in one`,
      async () => [await room(large, 1)],
      async () => [await room(large, 2)],
      true,
    ),
  );
  for (const row of rows.slice(-2)) console.log(row);
}
console.table(rows);
