/**
 * Goal: the load test says the truth about a server of ours, which on loopback loses nothing.
 * Method: the command itself for three seconds against a whole server; its JSON is held against what was asked for.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunResult } from "../../loadtest/result.ts";
import { startServer, type TestServer } from "../system/support/server.ts";
import { Subprocess } from "../system/support/subprocess.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/main.ts", import.meta.url));
const RUN_LIMIT_MS = 50_000;

let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blindfold-loadtest-"));
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly result: RunResult;
}

async function loadtest(...options: string[]): Promise<Outcome> {
  const json = join(folder, "result.json");
  const args = [MAIN, "--url", server.url, "--seconds", "3", "--json", json, ...options];
  const process_ = new Subprocess(process.execPath, args, { PATH: process.env.PATH ?? "" });
  const code = await process_.exited(RUN_LIMIT_MS);
  const result = JSON.parse(await readFile(json, "utf8")) as RunResult;
  return { code, output: process_.output, result };
}

/** Gaps that were repaired in time are no loss. */
const WHOLE = { lost: 0, missing: 0, duplicates: 0 };

test.each(["simulcast", "svc"])(
  "two publishers and four subscribers of %s get every packet",
  async (video) => {
    const options = ["--publishers", "2", "--subscribers", "4", "--video", video, "--processes", "2"];
    const { code, output, result } = await loadtest(...options, "--fail-on-loss");
    expect(result.failures, output).toEqual([]);
    expect(result.clients).toEqual({ publishers: 2, subscribers: 4, failed: 0 });
    expect(result.received.audio, output).toMatchObject({ streams: 8, ...WHOLE });
    expect(result.received.video, output).toMatchObject({ streams: 8, ...WHOLE });
    expect(result.join.subscriberFirstMedia.count).toBe(4);
    expect(result.seconds.map(({ second }) => second)).toEqual([0, 1, 2]);
    expect(code, output).toBe(0);
  },
);
