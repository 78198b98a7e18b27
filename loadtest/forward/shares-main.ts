/**
 * npm run bench:shares -- [--fan-out 50] [--burst 8] [--mbps 8] [--profile gcm] [--rounds 5] [--ms 3000] [--files]
 *
 * Where a media thread's CPU time goes when receivers answer with transport-wide feedback: estimators, pacers and the
 * dealing out of bandwidth at work. Shares of the time that is not idle; the median of all rounds with their range.
 */
import { parseArgs } from "node:util";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import type { CpuShares } from "./cpu-shares.ts";
import { type Load, PACKET_BYTES } from "./load.ts";
import { Line } from "./measure.ts";
import { startRoom } from "./room.ts";
import { spread } from "./spread.ts";

/** Until estimates, which start low, have found out that all of it fits. */
const WARM_UP_MS = 8_000;

const { values } = parseArgs({
  options: {
    "fan-out": { type: "string", default: "50" },
    burst: { type: "string", default: "8" },
    mbps: { type: "string", default: "8" },
    profile: { type: "string", default: "gcm" },
    rounds: { type: "string", default: "5" },
    ms: { type: "string", default: "3000" },
    files: { type: "boolean", default: false },
  },
});

/** Deals bandwidth out. */
const ALLOCATION = /^sfu\/(allocat|allot|bandwidth|growth|layer-ladder|layer-rates)/;
/** Queue and turn of what is sent to one peer; its estimator is in `cc/`. */
const PACING = /^sfu\/(paced|send-controller)/;

function partOf(file: string): string {
  if (values.files) return file;
  if (file.startsWith("cc/")) return "cc: estimator";
  if (ALLOCATION.test(file)) return "sfu: allocation";
  if (PACING.test(file)) return "sfu: pacing";
  return file.split("/")[0]!;
}

function byPart(shares: CpuShares): Map<string, number> {
  const parts = new Map<string, number>();
  for (const [file, share] of Object.entries(shares)) {
    parts.set(partOf(file), (parts.get(partOf(file)) ?? 0) + share);
  }
  return parts;
}

const load: Load = {
  kind: "video",
  profile: values.profile === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80,
  fanOut: Number(values["fan-out"]),
  burst: Number(values.burst),
  answered: true,
};
const burstsPerSecond = (Number(values.mbps) * 1e6) / (8 * PACKET_BYTES.video * load.burst);
const rounds: Map<string, number>[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  // Each in a room of its own: nobody here renews consent, which lasts for half a minute.
  const line = await Line.open(load, startRoom);
  await line.sample(burstsPerSecond, WARM_UP_MS);
  const { busy, loss } = await line.sample(burstsPerSecond, Number(values.ms));
  console.log(
    `busy for ${(busy * 100).toFixed(0)} % of a core, ${(loss * 100).toFixed(1)} % of packets not forwarded or lost`,
  );
  rounds.push(byPart(await line.shares(burstsPerSecond, Number(values.ms))));
  line.check();
  await line.close();
}

const parts = [...new Set(rounds.flatMap((round) => [...round.keys()]))];
const rows = parts.map((part) => {
  const percents = rounds.map((round) => (round.get(part) ?? 0) * 100);
  return { part, "% of CPU": spread(percents, 1), order: Math.max(...percents) };
});
rows.sort((a, b) => b.order - a.order);
console.table(rows, ["part", "% of CPU"]);
