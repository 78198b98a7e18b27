import { defineConfig } from "vitest/config";

/** Of whole systems: processes, browsers, paced traffic. */
const SYSTEMS = ["system", "test-call", "net", "loadtest"].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A browser on a shared machine stalls now and then; what fails twice is a defect. The report names each retry.
    retry: process.env.CI === "true" ? 1 : 0,
    projects: [
      {
        extends: true,
        test: { name: "parts", include: ["test/**/*.test.ts"], exclude: SYSTEMS, maxWorkers: 2 },
      },
      // One at a time: two cores are better used by one browser, and a call by all of them.
      { extends: true, test: { name: "systems", include: SYSTEMS, fileParallelism: false } },
    ],
  },
});
