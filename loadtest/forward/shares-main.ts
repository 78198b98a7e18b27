/** `npm run bench:shares`: what estimating and dealing out of bandwidth take of a media thread. `--help` tells all. */
import { z } from "zod";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import { commandLine, whole } from "../command-line.ts";
import { type Load, PACKET_BYTES } from "./load.ts";
import { Line } from "./measure.ts";
import { startRoom } from "./room.ts";
import { spread } from "./spread.ts";

/** Less than the publisher's consent lasts, which is renewed between measurements. */
const MAX_MS = 20_000;

const USAGE = `Usage: npm run bench:shares -- [options]

What share of a media thread's CPU time estimating and dealing out of bandwidth take when receivers answer with
transport-wide feedback. The median of all rounds with their range.

  --fan-out N         receivers                                  (50)
  --burst N           packets that come at once                  (8)
  --mbps N            Mbit/s to each receiver                    (8)
  --profile P         gcm, cm                                    (gcm)
  --rounds N                                                     (5)
  --ms N              measured of each, 20,000 at most           (5000)
  --warm-up-ms N      before that, until estimates have grown    (30000)
  --help              this text
`;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    "fan-out": whole(1, 1_000).default(50),
    burst: whole(1, 64).default(8),
    mbps: z.coerce.number().min(0.1).max(1_000).default(8),
    profile: z.enum(["gcm", "cm"]).default("gcm"),
    rounds: whole(1, 1_000).default(5),
    ms: whole(100, MAX_MS).default(5_000),
    "warm-up-ms": whole(0, 3_600_000).default(30_000),
  }),
});

const load: Load = {
  kind: "video",
  profile: values.profile === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80,
  fanOut: values["fan-out"],
  burst: values.burst,
  answered: true,
  clocked: true,
};
const burstsPerSecond = (values.mbps * 1e6) / (8 * PACKET_BYTES.video * load.burst);
const rounds: Readonly<Record<string, number>>[] = [];
for (let round = 0; round < values.rounds; round++) {
  const line = await Line.open(load, startRoom);
  await line.warmUp(burstsPerSecond, values["warm-up-ms"]);
  const { busy, loss, shares } = await line.sample(burstsPerSecond, values.ms);
  // Below 0 where packets from before the measurement were forwarded in it.
  const missing = (Math.max(0, loss) * 100).toFixed(1);
  console.log(
    `busy for ${(busy * 100).toFixed(0)} % of a core, ${missing} % of packets not forwarded or lost`,
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
