/**
 * npm run bench:shares -- [--fan-out 50] [--burst 8] [--mbps 8] [--profile gcm] [--rounds 5] [--ms 5000]
 *
 * What share of a media thread's CPU time estimating and dealing out of bandwidth take when receivers answer with
 * transport-wide feedback. The median of all rounds with their range.
 */
import { parseArgs } from "node:util";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
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
    ms: { type: "string", default: "5000" },
  },
});

const load: Load = {
  kind: "video",
  profile: values.profile === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80,
  fanOut: Number(values["fan-out"]),
  burst: Number(values.burst),
  answered: true,
  clocked: true,
};
const burstsPerSecond = (Number(values.mbps) * 1e6) / (8 * PACKET_BYTES.video * load.burst);
const rounds: Readonly<Record<string, number>>[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  // Each in a room of its own: nobody here renews consent, which lasts for half a minute.
  const line = await Line.open(load, startRoom);
  await line.sample(burstsPerSecond, WARM_UP_MS);
  const { busy, loss, shares } = await line.sample(burstsPerSecond, Number(values.ms));
  console.log(
    `busy for ${(busy * 100).toFixed(0)} % of a core, ${(loss * 100).toFixed(1)} % of packets not forwarded or lost`,
  );
  rounds.push({ ...shares, "all of them": Object.values(shares).reduce((sum, share) => sum + share, 0) });
  line.check();
  await line.close();
}

const percents = (part: string): number[] => rounds.map((shares) => shares[part]! * 100);
console.table(
  Object.keys(rounds[0]!).map((part) => ({ part, "% of CPU": spread(percents(part), 1) })),
  ["part", "% of CPU"],
);
