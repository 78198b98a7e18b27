import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const testsIn = (folders: readonly string[]): string[] =>
  folders.map((folder) => `test/${folder}/**/*.test.ts`);

/** Of whole systems with browsers or paced traffic, which want both cores. */
const SYSTEMS = testsIn(["system", "test-call", "net", "loadtest"]);

/** Of commands, which mostly wait for the processes that they start, and of calls that have time. */
const COMMANDS = [
  "test/main.test.ts",
  "test/system/{bans,moderation,reports,shutdown,start,webhooks}.test.ts",
  "test/system/livekit/room.test.ts",
  "test/loadtest/{command-line,forward,http,server-process}.test.ts",
];

/** In the same folders, and of functions alone. */
const FUNCTIONS = [
  "test/loadtest/{options,pacing,prometheus-text,report,statistics}.test.ts",
  "test/net/call-measurement.test.ts",
  "test/system/livekit/versions.test.ts",
  "test/test-call/frame-format.test.ts",
];

/**
 * Of functions and objects without threads, patched modules or counts of the heap. Their files share a process, which
 * saves half a second of loading each; spies end with their test.
 */
const PURE = [
  ...testsIn("base cc config control dtls/sctp http ice rtp sdp sframe sfu signal sim srtp twirp".split(" ")),
  "test/core/!(hostile-input|leaving).test.ts",
  ...FUNCTIONS,
];

/** At low priority: what the others leave of two cores may be little. */
const BESIDE_TIMEOUT_MS = 180_000;

/**
 * Those of systems wait for most of their time, on one core and a half. Therefore some of commands and of functions follow each
 * of them, at low priority: one worker takes these while the other has a browser, and then they change places.
 */
class Interleaved extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const of = (name: string): TestSpecification[] => sorted.filter(({ project }) => project.name === name);
    const [systems, beside] = [of("systems"), [...of("commands"), ...of("pure")]];
    const each = Math.ceil(beside.length / systems.length);
    const mixed = systems.flatMap((system, index) => [
      system,
      ...beside.slice(index * each, (index + 1) * each),
    ]);
    return [...of("parts"), ...(systems.length > 0 ? mixed : beside)];
  }
}

// Servers and threads that tests start load their modules from compiled code, in half the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url));

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A browser on a shared machine stalls now and then; what fails twice is a defect. The report names each retry.
    retry: process.env.CI === "true" ? 1 : 0,
    maxWorkers: 2,
    sequence: { sequencer: Interleaved },
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: PURE,
          setupFiles: "test/at-low-priority.ts",
          testTimeout: BESIDE_TIMEOUT_MS,
          isolate: false,
          restoreMocks: true,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "commands",
          include: COMMANDS,
          setupFiles: "test/at-low-priority.ts",
          testTimeout: BESIDE_TIMEOUT_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "parts",
          include: ["test/!(system|test-call|net|loadtest)/**/*.test.ts", "test/*.test.ts"],
          exclude: [...PURE, ...COMMANDS],
        },
      },
      {
        extends: true,
        test: {
          name: "systems",
          include: SYSTEMS,
          exclude: [...COMMANDS, ...FUNCTIONS],
          setupFiles: "test/one-at-a-time.ts",
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
