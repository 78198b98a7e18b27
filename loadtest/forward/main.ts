/** `npm run bench:forward`: what forwarding costs, beside two references of the same run. `--help` tells all. */
import { z } from "zod";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { commandLine, whole, wholes, words } from "../command-line.ts";
import type { Load } from "./load.ts";
import { type Measurement, measure } from "./measure.ts";
import { spread } from "./spread.ts";

const PROFILES: Record<"gcm" | "cm", SrtpProfile> = {
  gcm: SRTP_AEAD_AES_128_GCM,
  cm: SRTP_AES128_CM_HMAC_SHA1_80,
};

const USAGE = `Usage: npm run bench:forward -- [options]

What forwarding costs: packets for each second of CPU time of the media thread, beside a bare loop that only seals and
sends (floor), and one object, one cipher and one send for each copy (naive). Rounds take turns, so that a noisy machine is
noisy to all; a ratio is that of one round, the median of all rounds is printed with their range.

  --fan-out N,…       receivers                                  (1,10,50,200)
  --burst N,…         packets of video that come at once         (1,4,8)
  --kind KIND,…       video, audio                               (video,audio)
  --profile P,…       gcm, cm                                    (gcm,cm)
  --rounds N                                                     (5)
  --ms N              measured of each, 6,000 at most            (2000)
  --warm-up-ms N      before that                                (10000)
  --json              print the table as JSON
  --help              this text

BENCH_TIER=portable in the environment measures the portable tier.
`;

/** More, and the server takes receivers that say nothing for gone meanwhile. */
const MAX_MS = 6_000;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    "fan-out": wholes(1, 1_000).default([1, 10, 50, 200]),
    burst: wholes(1, 64).default([1, 4, 8]),
    kind: words("video", "audio").default(["video", "audio"]),
    profile: words("gcm", "cm").default(["gcm", "cm"]),
    rounds: whole(1, 1_000).default(5),
    ms: whole(100, MAX_MS).default(2_000),
    "warm-up-ms": whole(0, 3_600_000).default(10_000),
    json: z.boolean().default(false),
  }),
});

/** Audio comes one packet at a time. */
const loads: Load[] = values.profile.flatMap((profileName) =>
  values.kind.flatMap((kind) =>
    values["fan-out"].flatMap((fanOut) =>
      (kind === "audio" ? [1] : values.burst).map((burst) => ({
        kind,
        profile: PROFILES[profileName],
        fanOut,
        burst,
      })),
    ),
  ),
);

type Round = Record<"blindfold" | "floor" | "naive", Measurement>;

const duration = { ms: values.ms, warmUpMs: values["warm-up-ms"] };

async function round(load: Load): Promise<Round> {
  return {
    floor: await measure("floor", load, duration),
    blindfold: await measure("blindfold", load, duration),
    naive: await measure("naive", load, duration),
  };
}

function row(load: Load, rounds: readonly Round[]): Record<string, string> {
  const ours = rounds.map(({ blindfold }) => blindfold);
  const by = (pick: (one: Measurement) => number, digits: number): string => spread(ours.map(pick), digits);
  const ratio = (other: "floor" | "naive"): string =>
    spread(
      rounds.map((one) => one.blindfold.packetsPerCpuSecond / one[other].packetsPerCpuSecond),
      2,
    );
  return {
    load: `${load.kind} ${load.profile === SRTP_AEAD_AES_128_GCM ? "gcm" : "cm"} 1→${load.fanOut} ×${load.burst}`,
    "of the floor": ratio("floor"),
    "× naive": ratio("naive"),
    "packets/CPU s": by((one) => one.packetsPerCpuSecond, 0),
    "busy %": by((one) => one.busy * 100, 0),
    "waited %": by((one) => one.waited * 100, 0),
    "loss %": by((one) => one.loss * 100, 2),
    "lost at sink %": by((one) => one.lossAtSink * 100, 2),
    "≤ 2 ms %": by((one) => one.prompt * 100, 2),
    "p50 µs": by((one) => one.delayP50Us, 0),
    "p99 µs": by((one) => one.delayP99Us, 0),
    "bytes/packet": by((one) => one.allocatedBytesPerPacket, 0),
    "GC µs/10⁶": by((one) => one.gcUsPerMillionPackets, 0),
    "worst GC µs": by((one) => one.longestGcUs, 0),
  };
}

const rows: Record<string, string>[] = [];
for (const load of loads) {
  const rounds: Round[] = [];
  for (let i = 0; i < values.rounds; i++) rounds.push(await round(load));
  rows.push(row(load, rounds));
  if (!values.json) console.log(rows.at(-1));
}
if (values.json) console.log(JSON.stringify(rows, null, 2));
else console.table(rows);
