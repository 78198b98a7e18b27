/** `npm run net`: sealed calls between two pages of Chromium over bad networks. `--help` tells all. */
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { commandLine, refuse, whole } from "../../loadtest/command-line.ts";
import { unwritable } from "../../loadtest/result-files.ts";
import { writeFakeCamera } from "../system/support/fake-camera.ts";
import { callOver, type ImpairedCall } from "./impaired-call.ts";
import { IMPAIRMENTS, type Impairment } from "./impairments.ts";
import { reportTable } from "./report.ts";

const CODECS = ["VP8", "VP9"] as const;
/** A browser that is busy with something else may not even start. */
const TRIES = 2;

const USAGE = `Usage: npm run net -- [options]

Sealed calls in Chromium, one publisher on a clean line and one viewer behind each bad network in turn, VP8 in three
encodings and VP9 in three spatial layers. Takes about a minute for each network and codec.

  --only NAME     networks whose name contains it, may be given again   (all)
  --codec CODEC   VP8 or VP9                                            (both)
  --seconds N     measured of each call                                 (40)
  --json FILE     write the results as JSON
  --help          this text

Networks: ${IMPAIRMENTS.map(({ name }) => name).join(", ")}.
Loss, delay and reordering are both ways, 25 ms each where nothing else is said; bottlenecks are down, with a queue of 300 ms.

freeze s/min: W3C totalFreezesDuration. still: share of time without a new picture for a second. kbit/s: on the viewer's
line, everything included. low, mid, high: share of time that each layer was shown. concealed: audio that was made up.
moves after: from the end of the blackout to the next picture. relay late: 99 of 100 datagrams left sooner than that after
their time; much more than a millisecond means that the machine was too busy for the numbers to mean much.
`;

const values = commandLine({
  usage: USAGE,
  options: z.strictObject({
    only: z.array(z.string()).default([]),
    codec: z.preprocess((text) => String(text).toUpperCase(), z.enum(CODECS)).optional(),
    seconds: whole(1, 3_600).default(40),
    json: z.string().min(1).optional(),
  }),
  contradiction: ({ only }) =>
    only.length > 0 && networksOf(only).length === 0
      ? `--only: no network is named ${only.join(" or ")}`
      : undefined,
});

const error = await unwritable({ json: values.json });
if (error !== undefined) refuse(error);
const folder = await mkdtemp(join(tmpdir(), "blindfold-net-"));
// Also when it is interrupted: forty megabytes.
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const cameraFile = join(folder, "camera.y4m");
await writeFakeCamera(cameraFile);
await measureAll(cameraFile);

/** Those of whose names one of `parts` is a part; all without any. */
function networksOf(parts: readonly string[]): Impairment[] {
  return IMPAIRMENTS.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
}

async function measureAll(cameraFile: string): Promise<void> {
  const { only, codec: wanted, json, seconds } = values;
  const calls: ImpairedCall[] = [];
  for (const codec of CODECS.filter((one) => wanted === undefined || one === wanted)) {
    for (const impairment of networksOf(only)) {
      process.stderr.write(`${codec}, ${impairment.name} …\n`);
      const call = await tried(() => callOver({ impairment, codec, seconds, cameraFile }));
      if (call === undefined) continue;
      calls.push(call);
      if (json !== undefined) await writeFile(json, `${JSON.stringify(calls, null, 2)}\n`);
    }
  }
  process.stdout.write(`${reportTable(calls)}\n`);
}

/** A call that could not even be set up says nothing about a network. */
async function tried(run: () => Promise<ImpairedCall>): Promise<ImpairedCall | undefined> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      return await run();
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message.slice(0, 2_000) : error}\n`);
    }
  }
  process.exitCode = 1;
  return undefined;
}
