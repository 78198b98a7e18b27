import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Whole-system tests start browsers: give them time, and two cores are better used one browser at a time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A browser on a shared machine stalls now and then; what fails twice is a defect. The report names each retry.
    retry: process.env.CI === "true" ? 1 : 0,
  },
});
