/** Goal: lines come whole and in order, and what can not be written costs lines, never the process. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { platform } from "node:os";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogOutput } from "../../src/telemetry/log-output.ts";

const LOGGER = new URL("../../src/telemetry/logger.ts", import.meta.url).href;
const FULL: Error = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

/** A disk with room for so many bytes, which takes some at a time. */
class Disk {
  piece = 10;
  room = Number.POSITIVE_INFINITY;
  text = "";
  readonly output = new LogOutput((bytes, done) => {
    setImmediate(() => {
      const written = Math.min(bytes.length, this.room, this.piece);
      if (written === 0) return done(FULL, 0);
      this.room -= written;
      this.text += Buffer.from(bytes.subarray(0, written)).toString("latin1");
      done(null, written);
    });
  });
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("lines are written in order, also those that come meanwhile", async () => {
  const disk = new Disk();
  for (let i = 0; i < 5; i++) disk.output.write(`line number ${i}\n`);
  await vi.advanceTimersByTimeAsync(2);
  disk.output.write("another\n");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(disk.text).toBe(`${[0, 1, 2, 3, 4].map((i) => `line number ${i}\n`).join("")}another\n`);
  expect(disk.output.takeRest()).toHaveLength(0);
});

test("what a full disk does not take waits, up to a limit, and goes on where it ended", async () => {
  const disk = new Disk();
  const lost: number[] = [];
  disk.output.onLost = (lines) => lost.push(lines);
  disk.piece = 10_000;
  disk.room = 13;
  disk.output.write("a first line\n");
  disk.output.write("and a second\n");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(disk.text).toBe("a first line\n");
  const line = `${"x".repeat(1_023)}\n`;
  for (let i = 0; i < 1_030; i++) disk.output.write(line);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(lost).toEqual([]);
  disk.room = Number.POSITIVE_INFINITY;
  await vi.advanceTimersByTimeAsync(300_000);
  expect(lost).toEqual([6]);
  expect(disk.text).toBe(`a first line\nand a second\n${line.repeat(1_024)}`);
});

/** A program that logs to `stdout`. */
function run(stdout: number | "pipe", body: string) {
  const code = `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger("info"); ${body}`;
  const args = ["--input-type=module", "-e", code];
  const {
    status,
    stderr,
    stdout: out,
  } = spawnSync(process.execPath, args, {
    stdio: ["ignore", stdout, "pipe"],
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status, stderr, lines: (out ?? "").split("\n").length - 1 };
}

test("a program that ends has written its last lines", () => {
  const body = `for (let i = 0; i < 1000; i++) log.info({ i }, "line"); process.exit(3);`;
  expect(run("pipe", body)).toEqual({ status: 3, stderr: "", lines: 1_000 });
});

test.skipIf(platform() !== "linux")("a full disk ends no process, and keeps none from ending", () => {
  const full = openSync("/dev/full", "w");
  const body = `log.info("lost"); setTimeout(() => { log.info("lost too"); console.error("alive"); process.exit(3); }, 500);`;
  expect(run(full, body)).toEqual({ status: 3, stderr: "alive\n", lines: 0 });
  closeSync(full);
});
