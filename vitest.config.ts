import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Whole-system tests start browsers: give them time, and two cores are better used one browser at a time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
