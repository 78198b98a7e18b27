/**
 * Goal: the benchmark of forwarding runs, on either tier, and what it counts has been forwarded and opens.
 * Method: the command itself, as briefly as it can; what it measures is not judged.
 */
import { platform } from "node:os";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Subprocess } from "../system/support/subprocess.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/forward/main.ts", import.meta.url));
const RUN_LIMIT_MS = 60_000;
const BRIEF =
  "--kind video --fan-out 3 --burst 4 --profile gcm --rounds 1 --ms 200 --warm-up-ms 1000 --json".split(" ");

const tiers = platform() === "linux" ? ["native", "portable"] : ["portable"];

test.each(tiers)(
  "on the %s tier",
  async (tier) => {
    const environment = { PATH: process.env.PATH ?? "", BENCH_TIER: tier };
    const command = new Subprocess(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", MAIN, ...BRIEF],
      environment,
    );
    expect(await command.exited(RUN_LIMIT_MS), command.output).toBe(0);
    const [row] = JSON.parse(command.output) as Record<string, string>[];
    expect(Number.parseFloat(row!["× naive"]!)).toBeGreaterThan(0);
    expect(Number.parseFloat(row!["loss %"]!)).toBeLessThan(100);
  },
  2 * RUN_LIMIT_MS,
);
