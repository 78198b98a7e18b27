/** `npm run bench:shares`: what estimating and dealing out of bandwidth take of a media thread. `--help` tells all. */
import { z } from "zod";
import { SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80 } from "../../src/contract/dtls.ts";
import { commandLine, whole } from "../command-line.ts";
import { type Load, PACKET_BYTES } from "./load.ts";
import { Line, type Measurement } from "./measure.ts";
import { startRoom } from "./room.ts";
import { spread } from "./spread.ts";

/** Rooms take turns of so long: consent of one lasts through those of the others. */
const TURN_MS = 1_000;

/** What is done to the estimating in each room: the first is the server as it is. */
const ROOMS = ["as-it-is", "left-out", "clocked"] as const;

const USAGE = `Usage: npm run bench:shares -- [options]

What share of a media thread's CPU time estimating and dealing out of bandwidth take when receivers answer with
transport-wide feedback: what a room without them takes less, and their parts by the clock in a third room. The rooms take
turns of a second. The median of all rounds with their range.

  --fan-out N         receivers                                  (50)
  --burst N           packets that come at once                  (8)
  --mbps N            Mbit/s to each receiver                    (8)
  --profile P         gcm, cm                                    (gcm)
  --rounds N                                                     (5)
  --ms N              measured of each room                      (10000)
  --warm-up-ms N      before that, until estimates have grown    (15000)
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
    ms: whole(TURN_MS, 3_600_000).default(10_000),
    "warm-up-ms": whole(0, 3_600_000).default(15_000),
  }),
});

const load: Load = {
  kind: "video",
  profile: values.profile === "gcm" ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_HMAC_SHA1_80,
  fanOut: values["fan-out"],
  burst: values.burst,
  answered: true,
};
const burstsPerSecond = (values.mbps * 1e6) / (8 * PACKET_BYTES.video * load.burst);

/** By room: all measurements of turns in `ms`. */
async function takeTurns(lines: readonly Line[], ms: number): Promise<Measurement[][]> {
  const measured: Measurement[][] = lines.map(() => []);
  for (let done = 0; done < ms; done += TURN_MS) {
    for (const [room, line] of lines.entries())
      measured[room]!.push(await line.sample(burstsPerSecond, TURN_MS));
  }
  return measured;
}

const sum = (all: readonly Measurement[], pick: (one: Measurement) => number): number =>
  all.reduce((total, one) => total + pick(one), 0);

const cpuOfPacket = (all: readonly Measurement[]): number =>
  sum(all, ({ cpuUs }) => cpuUs) / sum(all, ({ packets }) => packets);

/** Shares of the CPU time, by part. */
async function measureRound(): Promise<Readonly<Record<string, number>>> {
  const lines: Line[] = [];
  for (const estimating of ROOMS) lines.push(await Line.open({ ...load, estimating }, startRoom));
  await takeTurns(lines, values["warm-up-ms"]);
  const [asItIs, without, clocked] = (await takeTurns(lines, values.ms)) as [
    Measurement[],
    Measurement[],
    Measurement[],
  ];
  const busy = sum(asItIs, (one) => one.busy) / asItIs.length;
  // Below 0 where packets from before the measurement were forwarded in it.
  const missing = Math.max(0, sum(asItIs, ({ loss }) => loss) / asItIs.length);
  console.log(
    `busy for ${(busy * 100).toFixed(0)} % of a core, ${(missing * 100).toFixed(1)} % of packets not forwarded or lost`,
  );
  const parts = Object.keys(clocked[0]!.shares).map((part) => {
    const us = sum(clocked, ({ shares, cpuUs }) => shares[part]! * cpuUs);
    return [part, us / sum(clocked, ({ cpuUs }) => cpuUs)] as const;
  });
  for (const line of lines) line.check();
  await Promise.all(lines.map((line) => line.close()));
  return {
    "all, by a room without": 1 - cpuOfPacket(without) / cpuOfPacket(asItIs),
    "all, by the clock": parts.reduce((total, [, share]) => total + share, 0),
    ...Object.fromEntries(parts),
  };
}

const rounds: Readonly<Record<string, number>>[] = [];
for (let round = 0; round < values.rounds; round++) rounds.push(await measureRound());

const percents = (part: string): number[] => rounds.map((shares) => shares[part]! * 100);
console.table(
  Object.keys(rounds[0]!).map((part) => ({ part, "% of CPU": spread(percents(part), 1) })),
  ["part", "% of CPU"],
);
