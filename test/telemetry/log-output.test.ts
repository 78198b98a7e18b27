/** Goal: lines come whole and in order, and what can not be written costs lines, never the process. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { platform } from "node:os";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogOutput } from "../../src/telemetry/log-output.ts";

const LOGGER = new URL("../../src/telemetry/logger.ts", import.meta.url).href;
/** A disk with room for so many bytes, which takes some at a time. */
class Disk {
  room = Number.POSITIVE_INFINITY;
  text = "";
  readonly output = new LogOutput((bytes) => {
    const written = Math.min(bytes.length, this.room, 1_000);
    if (written === 0) throw new Error("no space left on device");
    this.room -= written;
    this.text += Buffer.from(bytes.subarray(0, written)).toString("latin1");
    return written;
  });
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("lines are written at once, whatever their size", () => {
  const disk = new Disk();
  const lines = ["a line\n", `${"long ".repeat(1_000)}\n`, "another\n"];
  for (const line of lines) disk.output.write(line);
  expect(disk.text).toBe(lines.join(""));
});

test("what a full disk does not take waits, up to a limit, and goes on where it ended", async () => {
  const disk = new Disk();
  const lost: number[] = [];
  disk.output.onLost = (lines) => lost.push(lines);
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
  await vi.advanceTimersByTimeAsync(1_000);
  expect(lost).toEqual([7]);
  expect(disk.text).toBe(`a first line\nand a second\n${line.repeat(1_023)}`);
});

const program = (body: string): string =>
  `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger("info"); ${body}`;

/** A program that logs to `stdout`. */
function run(stdout: number | "pipe", body: string) {
  const args = ["--input-type=module", "-e", program(body)];
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

test.skipIf(platform() !== "linux").each([0, 50])(
  "also when its reader is slow, and it ends after %i ms",
  (ms) => {
    // More than a pipe holds; console.log makes it one that does not wait.
    const body = `console.log("ready"); for (let i = 0; i < 5000; i++) log.info({ i }, "line"); setTimeout(() => process.exit(), ${ms});`;
    const pipe = '"$0" --input-type=module -e "$1" | (sleep 0.5; wc -l)';
    const shell = spawnSync("sh", ["-c", pipe, process.execPath, program(body)], { encoding: "utf8" });
    expect(shell.stdout.trim()).toBe("5001");
  },
);

test.skipIf(platform() !== "linux")("a full disk ends no process, and keeps none from ending", () => {
  const full = openSync("/dev/full", "w");
  const body = `log.info("lost"); setTimeout(() => { log.info("lost too"); console.error("alive"); process.exit(3); }, 500);`;
  expect(run(full, body)).toEqual({ status: 3, stderr: "alive\n", lines: 0 });
  closeSync(full);
});
