/** Goal: the process serves and ends as it is told, wherever its output goes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { platform } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { freeTcpPort } from "./system/support/free-ports.ts";

/** Compiled modules, without which each start takes twice as long. */
const { NODE_COMPILE_CACHE } = process.env;
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

test.skipIf(platform() !== "linux")("a full disk under its output ends no server", async () => {
  const full = openSync("/dev/full", "w");
  const port = await freeTcpPort();
  const env = {
    NODE_COMPILE_CACHE,
    BLINDFOLD_HTTP_PORT: `${port}`,
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_SHUTDOWN_DRAIN_SECONDS: "0",
  };
  const server = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", full, full] });
  closeSync(full);
  const ended = once(server, "exit");
  const isReady = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    while (server.exitCode === null && !(await isReady())) await delay(50);
    // What failed to be printed has been reported by now.
    await delay(500);
    expect(await isReady()).toBe(true);
    server.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    server.kill("SIGKILL");
  }
});

describe.skipIf(platform() === "win32")("a signal that comes while it loads", () => {
  test.each(["config/load-config.ts", "server.ts", "threads.ts"])("src/%s ends it well", async (module) => {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) {
        if (url.endsWith("/src/${module}")) process.kill(process.pid, "SIGTERM");
        return next(url, context);
      } });`;
    const args = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`, MAIN];
    const env = {
      NODE_COMPILE_CACHE,
      BLINDFOLD_HTTP_PORT: "0",
      BLINDFOLD_MEDIA_PORT: "0",
      BLINDFOLD_MEDIA_THREADS: "1",
    };
    const server = spawn(process.execPath, args, { env, stdio: "ignore" });
    try {
      expect(await once(server, "exit")).toEqual([0, null]);
    } finally {
      server.kill("SIGKILL");
    }
  });
});
