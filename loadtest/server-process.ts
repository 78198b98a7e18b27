/** A server under test, in a process of its own: starts it, waits until it is ready, ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { endWithThisProcess } from "./child-end.ts";
import { NO_STORE } from "./no-store.ts";

const START_LIMIT_MS = 20_000;
const POLL_MS = 100;
/** USER_HZ: the unit in which Linux reports CPU time. */
const TICKS_PER_SECOND = 100;

const NAME = "Blindfold";

export interface ServerProcess {
  readonly url: string;
  /** CPU time of the whole process since its start. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts this repository's server with its defaults and `settings` (environment variables), in development mode. */
export async function startBlindfold(
  address: string,
  port: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const url = `http://127.0.0.1:${port}`;
  const main = new URL("../src/main.ts", import.meta.url).pathname;
  const listening = {
    BLINDFOLD_HTTP_PORT: `${port}`,
    BLINDFOLD_MEDIA_HOST: address,
    BLINDFOLD_MEDIA_PORT: `${port + 1}`,
    ...NO_STORE,
  };
  await expectNobody(`${url}/readyz`, NAME);
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main], {
    env: { ...process.env, ...listening, ...settings },
    stdio: "ignore",
  });
  return started(child, url, `${url}/readyz`, NAME);
}

/** Rejects when `readyUrl` answers before `name` was started: answers would be taken for those of `name`. */
export async function expectNobody(readyUrl: string, name: string): Promise<void> {
  if (await answers(readyUrl)) throw new Error(`${name} did not start: somebody else answers ${readyUrl}`);
}

/** Resolves when `readyUrl` answers. `name`: of the server, for the error when it does not. */
export async function started(
  child: ChildProcess,
  url: string,
  readyUrl: string,
  name: string,
): Promise<ServerProcess> {
  endWithThisProcess(child);
  let failure: string | null = null;
  const ended = once(child, "exit").catch((error: Error) => {
    failure = error.message;
  });
  for (const limitMs = performance.now() + START_LIMIT_MS; ; await delay(POLL_MS)) {
    if (failure !== null || child.exitCode !== null)
      throw new Error(`${name} did not start: ${failure ?? "it ended"}`);
    if (await answers(readyUrl)) break;
    if (performance.now() > limitMs) {
      child.kill();
      throw new Error(`${name} did not start in time`);
    }
  }
  return {
    url,
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** User and system time of a process, from `/proc/PID/stat` (proc(5)). */
async function cpuSecondsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
