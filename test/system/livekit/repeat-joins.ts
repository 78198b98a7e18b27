/** `npm run test:joins`: three people join, publish and subscribe over and over. `--help` tells all. */
import { z } from "zod";
import { commandLine, whole } from "../../../loadtest/command-line.ts";
import { launchChromium } from "../support/chromium.ts";
import { startServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { servePage } from "./page-server.ts";

const NAMES = ["ada", "bo", "cy"];

/** A round that takes longer has something to tell. */
const SLOW_MS = 6_000;

const USAGE = `Usage: npm run test:joins -- [repetitions [mode]]

Joins, publishes and subscribes over and over, three people at once in Chromium, and ends with 1 when anybody ever misses
anybody. What goes wrong in a negotiation goes wrong in one run of many: tracks that come while an offer is under way.

  repetitions                                                    (50)
  mode           single or dual PeerConnection                   (single)
  --help         this text
`;

const { repetitions, mode } = commandLine({
  usage: USAGE,
  options: z.strictObject({
    repetitions: whole(1, 100_000).default(50),
    mode: z.enum(["single", "dual"]).default("single"),
  }),
  places: ["repetitions", "mode"],
});
const single = mode !== "dual";
const [server, browser, pages] = await Promise.all([startServer(), launchChromium(), servePage()]);
let failures = 0;

for (let n = 1; n <= repetitions; n++) {
  const room = `round ${n}`;
  const startedMs = performance.now();
  let calls: LiveKitCall[] = [];
  try {
    calls = await Promise.all(
      NAMES.map((name) => LiveKitCall.join(browser, pages, server, { room, name, single })),
    );
    const joinedMs = performance.now();
    await Promise.all(
      calls.flatMap((call) =>
        NAMES.filter((name) => name !== call.name).map((name) => call.seesAndHears(name)),
      ),
    );
    const seconds = (ms: number): string => ((performance.now() - ms) / 1_000).toFixed(1);
    console.log(
      `${room}: joined and published, all seen ${seconds(joinedMs)} s later; ${seconds(startedMs)} s`,
    );
    if (performance.now() - startedMs > SLOW_MS) await explain(calls);
  } catch (error) {
    failures += 1;
    console.error(`${room}: ${error instanceof Error ? error.message : String(error)}`);
  }
  await Promise.all(calls.map((call) => call.close()));
}

async function explain(calls: readonly LiveKitCall[]): Promise<void> {
  for (const call of calls) {
    const { timeline } = await call.report();
    console.log(
      `  ${call.name}: ${timeline.filter((line) => !line.endsWith("activeSpeakersChanged")).join(", ")}`,
    );
  }
}

await browser.close();
await pages.close();
await server.stop();
console.log(`${failures} of ${repetitions} repetitions failed over ${mode} PeerConnection`);
process.exit(failures === 0 ? 0 : 1);
