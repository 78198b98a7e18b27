import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const testsIn = (folders: readonly string[]): string[] =>
  folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Of whole systems with browsers or paced traffic, which want both cores. */
const SYSTEMS = testsIn(["system", "test-call", "net", "loadtest"]);

/** Those of them that mostly wait for processes. */
const PROCESSES = ["test/system/{shutdown,start,webhooks}.test.ts", "test/loadtest/command-line.test.ts"];

/** In the same folders, and of functions alone. */
const FUNCTIONS = [
  "test/loadtest/{options,pacing,prometheus-text,report,statistics}.test.ts",
  "test/net/call-measurement.test.ts",
  "test/system/livekit/versions.test.ts",
  "test/test-call/frame-format.test.ts",
];

/**
 * Of functions and objects without threads, sockets, patched modules or counts of the heap. Their files share a process, which
 * saves half a second of loading each; spies end with their test.
 */
const PURE = [
  ...testsIn("base cc config control ice rtp sdp sframe sfu signal sim srtp twirp".split(" ")),
  "test/core/!(hostile-input|leaving).test.ts",
  ...FUNCTIONS,
];

// Servers and threads that tests start load their modules from compiled code, in half the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url));

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A browser on a shared machine stalls now and then; what fails twice is a defect. The report names each retry.
    retry: process.env.CI === "true" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: { name: "pure", include: PURE, maxWorkers: 2, isolate: false, restoreMocks: true },
      },
      {
        extends: true,
        test: {
          name: "parts",
          include: ["test/!(system|test-call|net|loadtest)/**/*.test.ts", "test/*.test.ts", ...PROCESSES],
          exclude: PURE,
          maxWorkers: 2,
        },
      },
      // One at a time: two cores are better used by one browser, and a call by all of them.
      {
        extends: true,
        test: {
          name: "systems",
          include: SYSTEMS,
          exclude: [...PROCESSES, ...FUNCTIONS],
          fileParallelism: false,
        },
      },
    ],
  },
});
