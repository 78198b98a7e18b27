/** Goal: the process serves and ends as it is told, wherever its output goes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { platform } from "node:os";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { NO_STORE } from "../loadtest/no-store.ts";
import { freeTcpPort } from "./system/support/free-ports.ts";

/** Compiled modules, without which each start takes twice as long. */
const { NODE_COMPILE_CACHE } = process.env;
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

test.skipIf(platform() !== "linux")(
  "a full disk under its output ends no server, and a signal that comes twice does it once",
  async () => {
    const full = openSync("/dev/full", "w");
    const port = await freeTcpPort();
    const env = {
      ...NO_STORE,
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
      // As Ctrl-C comes twice under `npm start`; two of a kind might become one on the way.
      server.kill("SIGINT");
      server.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    } finally {
      server.kill("SIGKILL");
    }
  },
);

/** Starts it, and sends it signals while it loads: each with the end of the path of the module that is loaded then. */
function startAndSignal(signals: Readonly<Record<string, NodeJS.Signals>>): ChildProcess {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ load(url, context, next) {
      for (const [module, signal] of Object.entries(${JSON.stringify(signals)})) {
        if (url.endsWith(module)) process.kill(process.pid, signal);
      }
      return next(url, context);
    } });`;
  const hooked = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const env = {
    ...NO_STORE,
    NODE_COMPILE_CACHE,
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
  };
  // An inspector would take a free port, and say so.
  const args = ["--disable-warning=ExperimentalWarning", "--inspect-port=0", ...hooked, MAIN];
  return spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
}

describe.skipIf(platform() === "win32")("a signal that comes while it loads", () => {
  test.each(["config/load-config.ts", "server.ts", "threads.ts"])("src/%s ends it well", async (module) => {
    const server = startAndSignal({ [`/src/${module}`]: "SIGTERM" });
    try {
      expect(await once(server, "exit")).toEqual([0, null]);
    } finally {
      server.kill("SIGKILL");
    }
  });

  test("SIGUSR1 opens no inspector", async () => {
    const server = startAndSignal({ "/src/config/load-config.ts": "SIGUSR1", "/src/threads.ts": "SIGTERM" });
    try {
      const [output, [status]] = await Promise.all([text(server.stderr!), once(server, "exit")]);
      expect([status, output]).toEqual([0, ""]);
    } finally {
      server.kill("SIGKILL");
    }
  });
});
