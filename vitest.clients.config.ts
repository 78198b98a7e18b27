/**
 * `npm run test:clients`: what every web client has to pass, in each browser with each version of LiveKit's web SDK.
 * `npm test` runs the same with the newest in Chromium alone. Some of it:
 *
 *   npm run test:clients -- --project "firefox 2.18.2" -t "one PeerConnection"
 */
import { defineConfig } from "vitest/config";
import packages from "./package.json" with { type: "json" };

const SDKS = ["livekit-client", "livekit-client-older"] as const;

export default defineConfig({
  test: {
    // One browser at a time; the verbose report names each case with its client.
    maxWorkers: 1,
    reporters: ["verbose"],
    projects: ["chromium", "firefox"].flatMap((browser) =>
      SDKS.map((sdk) => ({
        test: {
          name: `${browser} ${packages.devDependencies[sdk].split("@").at(-1)}`,
          include: ["call", "features", "resuming"].map((name) => `test/system/livekit/${name}.test.ts`),
          env: { LIVEKIT_BROWSER: browser, LIVEKIT_SDK: sdk },
          // Firefox on two busy cores takes its time until all encodings are sent.
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      })),
    ),
  },
});
