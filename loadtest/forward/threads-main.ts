/** `npm run bench:threads`: what a second media thread costs. `--help` tells all. */
import { z } from "zod";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import { commandLine, whole, wholes } from "../command-line.ts";
import type { Load } from "./load.ts";
import { Line, type Measurement } from "./measure.ts";
import { startRoom } from "./room.ts";
import { spread } from "./spread.ts";

const USAGE = `Usage: npm run bench:threads -- [options]

What a second media thread costs: two rooms in two threads beside one room in one, and a room of many viewers in two
threads, joined by a pipe, beside the same room in one. They take turns, so that a noisy machine is noisy to all; a ratio
is that of one round, the median of all rounds is printed with their range. CPU time is that of the media threads.

  --fan-out N         receivers of each of the two rooms         (50)
  --viewers N         of the room of many                        (200)
  --burst N,…         packets that come at once                  (1,8)
  --profile P         gcm, cm                                    (gcm)
  --rounds N                                                     (5)
  --ms N              measured of each, 6,000 at most            (2000)
  --warm-up-ms N      before that                                (10000)
  --help              this text
`;

/** More, and the server takes receivers that say nothing for gone meanwhile. */
const MAX_MS = 6_000;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    "fan-out": whole(1, 1_000).default(50),
    viewers: whole(2, 1_000).default(200),
    burst: wholes(1, 64).default([1, 8]),
    profile: z.enum(["gcm", "cm"]).default("gcm"),
    rounds: whole(1, 1_000).default(5),
    ms: whole(100, MAX_MS).default(2_000),
    "warm-up-ms": whole(0, 3_600_000).default(10_000),
  }),
});

const { rounds, ms, "warm-up-ms": warmUpMs } = values;
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
  try {
    await Promise.all(lines.map((line) => line.warmUp(burstsPerSecond, warmUpMs)));
    const measurements = await Promise.all(lines.map((line) => line.sample(burstsPerSecond, ms)));
    for (const line of lines) line.check();
    return measurements;
  } finally {
    await Promise.all(lines.map((line) => line.close()));
  }
}

interface Comparison {
  readonly what: string;
  readonly one: Open;
  readonly two: Open;
  /** Of a core, for one thread: there must be cores left for what else runs. */
  readonly shareOfCore: number;
  /** The smaller the better: CPU time for a packet, not packets for CPU time. */
  readonly isCost: boolean;
}

/** The load at which one thread is busy for that share of a core. */
async function rateFor({ one, shareOfCore }: Comparison): Promise<number> {
  const [line] = await one();
  try {
    return await line!.rateFor(shareOfCore, warmUpMs);
  } finally {
    await line!.close();
  }
}

/** A row: `two` against `one`, at the same load for each room. */
async function compare(comparison: Comparison): Promise<Record<string, string>> {
  const { what, one, two, isCost } = comparison;
  const rate = await rateFor(comparison);
  const ratios: number[] = [];
  const all: Record<"one" | "two", Measurement[]> = { one: [], two: [] };
  for (let round = 0; round < rounds; round++) {
    const ofOne = await sample(one, rate);
    const ofTwo = await sample(two, rate);
    ratios.push(isCost ? rateOf(ofOne) / rateOf(ofTwo) : rateOf(ofTwo) / rateOf(ofOne));
    all.one.push(...ofOne);
    all.two.push(...ofTwo);
  }
  const percent = (of: "one" | "two", pick: (one: Measurement) => number): string =>
    spread(
      all[of].map((measurement) => pick(measurement) * 100),
      0,
    );
  return {
    what,
    ratio: spread(ratios, 2),
    "one: busy %": percent("one", ({ busy }) => busy),
    "one: waited %": percent("one", ({ waited }) => waited),
    "one: lost %": percent("one", ({ loss }) => loss),
    "two: busy %": percent("two", ({ busy }) => busy),
    "two: waited %": percent("two", ({ waited }) => waited),
    "two: lost %": percent("two", ({ loss }) => loss),
  };
}

const room = (load: Load, threads: number): Promise<Line> =>
  Line.open(load, (ofLine, sinkPort) => startRoom(ofLine, sinkPort, threads));

function comparisonsOf(burst: number): Comparison[] {
  const loadOf = (fanOut: number): Load => ({ kind: "video", profile, fanOut, burst });
  const small = loadOf(values["fan-out"]);
  const large = loadOf(values.viewers);
  return [
    {
      what: `two rooms of 1→${small.fanOut} ×${burst} in two threads: packets/CPU s, to one room in one`,
      one: async () => [await room(small, 1)],
      two: () => Promise.all([room(small, 1), room(small, 1)]),
      shareOfCore: 0.3,
      isCost: false,
    },
    {
      what: `a room of 1→${large.fanOut} ×${burst} piped over two threads: CPU a packet, to all in one`,
      one: async () => [await room(large, 1)],
      two: async () => [await room(large, 2)],
      shareOfCore: 0.6,
      isCost: true,
    },
  ];
}

const rows: Record<string, string>[] = [];
for (const comparison of values.burst.flatMap(comparisonsOf)) {
  rows.push(await compare(comparison));
  console.log(rows.at(-1));
}
console.table(rows);
