/**
 * npm run bench:forward -- [--fan-out 1,10,50,200] [--burst 1,4,8] [--kind video,audio] [--profile gcm,cm]
 *                          [--rounds 5] [--ms 2000] [--json]
 *
 * What forwarding costs: packets for each second of CPU time of the media thread, beside two references of the same
 * run. Rounds take turns, so that a noisy machine is noisy to all; a ratio is that of one round, the median of all
 * rounds is printed with their range.
 */
import { parseArgs } from "node:util";
import type { MediaKind } from "../../src/base/codec.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import type { Load } from "./load.ts";
import { type Measurement, measure } from "./measure.ts";
import { spread } from "./spread.ts";

const PROFILES: Record<string, SrtpProfile> = {
  gcm: SRTP_AEAD_AES_128_GCM,
  cm: SRTP_AES128_CM_HMAC_SHA1_80,
};

const { values } = parseArgs({
  options: {
    "fan-out": { type: "string", default: "1,10,50,200" },
    burst: { type: "string", default: "1,4,8" },
    kind: { type: "string", default: "video,audio" },
    profile: { type: "string", default: "gcm,cm" },
    rounds: { type: "string", default: "5" },
    ms: { type: "string", default: "2000" },
    json: { type: "boolean", default: false },
  },
});

const list = (text: string): string[] => text.split(",");
const numbers = (text: string): number[] => list(text).map(Number);

/** Audio comes one packet at a time. */
const loads: Load[] = list(values.profile).flatMap((profileName) =>
  list(values.kind).flatMap((kind) =>
    numbers(values["fan-out"]).flatMap((fanOut) =>
      (kind === "audio" ? [1] : numbers(values.burst)).map((burst) => ({
        kind: kind as MediaKind,
        profile: PROFILES[profileName]!,
        fanOut,
        burst,
      })),
    ),
  ),
);

type Round = Record<"blindfold" | "floor" | "naive", Measurement>;

async function round(load: Load, ms: number): Promise<Round> {
  return {
    floor: await measure("floor", load, ms),
    blindfold: await measure("blindfold", load, ms),
    naive: await measure("naive", load, ms),
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
  for (let i = 0; i < Number(values.rounds); i++) rounds.push(await round(load, Number(values.ms)));
  rows.push(row(load, rounds));
  if (!values.json) console.log(rows.at(-1));
}
if (values.json) console.log(JSON.stringify(rows, null, 2));
else console.table(rows);
