/**
 * Goal: the load test says the truth: about a path that loses nothing, about one that does, and about clients that fail.
 * Method: the command itself for some seconds against a whole server, once through a relay that throws packets away;
 * its JSON is held against what was asked for and what was thrown away.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunResult } from "../../loadtest/result.ts";
import { RelayProcess } from "../net/relay-process.ts";
import { freeMediaPort } from "../system/support/free-ports.ts";
import { type Environment, startServer, type TestServer } from "../system/support/server.ts";
import { Subprocess } from "../system/support/subprocess.ts";

const MAIN = fileURLToPath(new URL("../../loadtest/main.ts", import.meta.url));
const RUN_LIMIT_MS = 50_000;

let folder: string;
/** With the defaults, for all tests that need no others. */
let ordinary: TestServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "blindfold-loadtest-"));
  ordinary = await startServer();
});
afterAll(async () => {
  await ordinary.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly result: RunResult;
  readonly page: string;
}

function start({ url }: TestServer, ...options: string[]): Subprocess {
  return new Subprocess(process.execPath, [MAIN, "--url", url, ...options], { PATH: process.env.PATH ?? "" });
}

async function loadtest(server: TestServer, ...options: string[]): Promise<Outcome> {
  const [json, html] = [join(folder, "result.json"), join(folder, "result.html")];
  const command = start(server, "--seconds", "3", "--json", json, "--html", html, ...options);
  const code = await command.exited(RUN_LIMIT_MS);
  const { output } = command;
  const page = await readFile(html, "utf8").catch(() => expect.unreachable(output));
  return { code, output, page, result: JSON.parse(await readFile(json, "utf8")) as RunResult };
}

async function withServer(env: Environment, run: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startServer(env);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

/** Gaps that were repaired in time are no loss. */
const WHOLE = { lost: 0, missing: 0, duplicates: 0 };

test.each(["simulcast", "svc"])(
  "two publishers and four subscribers of %s get every packet",
  async (video) => {
    const options = ["--publishers", "2", "--subscribers", "4", "--video", video, "--processes", "2"];
    const { code, output, page, result } = await loadtest(ordinary, ...options, "--fail-on-loss");
    expect(result.failures, output).toEqual([]);
    expect(result.clients).toEqual({ publishers: 2, subscribers: 4, failed: 0 });
    expect(result.received.audio, output).toMatchObject({ streams: 8, ...WHOLE });
    expect(result.received.video, output).toMatchObject({ streams: 8, ...WHOLE });
    expect(result.join.subscriberFirstMedia.count).toBe(4);
    expect(result.seconds.map(({ second }) => second)).toEqual([0, 1, 2]);
    expect(result.generators).toHaveLength(2);
    expect(result.server.sentPerSecond).toBeGreaterThan(0);
    expect(page.match(/<svg /g)).toHaveLength(6);
    expect(code, output).toBe(0);
  },
);

test("a path that loses one packet in twenty shows as gaps, repair and lost audio", async () => {
  const serverPort = await freeMediaPort();
  const relay = await RelayProcess.start({ serverPort, spared: 0, seed: 1 });
  const env = {
    BLINDFOLD_MEDIA_HOST: "127.0.0.1",
    BLINDFOLD_MEDIA_PORT: `${serverPort}`,
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: `127.0.0.1:${relay.port}`,
  };
  for (const way of ["up", "down"] as const) relay.change(way, { delayUs: 10_000, loss: 0.05 });
  try {
    await withServer(env, async (server) => {
      const { code, output, result } = await loadtest(server, "--subscribers", "2", "--fail-on-loss");
      const { audio, video } = result.received;
      const { up, down } = await relay.report();
      expect(down.lost).toBeGreaterThan(0);
      expect(result.clients.failed, output).toBe(0);
      // Down: some of what was dropped are repetitions and reports.
      expect(video.repaired, output).toBeGreaterThan(0);
      expect(audio.gaps + video.gaps, output).toBeLessThanOrEqual(down.lost + up.lost * 2);
      expect(audio.lost, output).toBeGreaterThan(0);
      expect(audio.repaired).toBe(0);
      // Up: only the server has seen it, and the audit.
      expect(result.published.lostUp).toBeGreaterThan(0);
      expect(result.published.resent).toBeGreaterThan(0);
      expect(audio.missing).toBeGreaterThanOrEqual(audio.lost);
      expect(video.missing, output).toBeLessThan(video.repaired);
      expect(code).toBe(1);
    });
  } finally {
    await relay.stop();
  }
});

test("clients that a server turns away are counted by the reason", async () => {
  await withServer({ BLINDFOLD_ROOMS_MAX_PARTICIPANTS: "1" }, async (server) => {
    const { code, output, result } = await loadtest(server, "--subscribers", "3", "--seconds", "1");
    expect(result.clients.failed, output).toBe(3);
    expect(result.failures).toMatchObject([
      {
        reason: "session_http_409",
        afterJoin: false,
        count: 3,
        detail: expect.stringMatching(/^room_full: /),
      },
    ]);
    expect(code).toBe(0);
  });
});

test("with an API key rooms hold all who come, and the secret stays out of the result", async () => {
  const [key, secret] = ["load-key", "a secret of the load test that is long enough"];
  const env = { BLINDFOLD_ROOMS_MAX_PARTICIPANTS: "1", BLINDFOLD_AUTH_KEYS: `${key}:${secret}` };
  await withServer(env, async (server) => {
    const { output, page, result } = await loadtest(
      server,
      "--key",
      key,
      "--secret",
      secret,
      "--seconds",
      "1",
    );
    expect(result.clients, output).toMatchObject({ publishers: 1, subscribers: 1, failed: 0 });
    expect(`${page}${JSON.stringify(result)}`).not.toContain(secret);
  });
});

test("an API key that the server does not know ends the run", async () => {
  const key = ["--key", "unknown", "--secret", "a secret that nobody has heard of"];
  const command = start(ordinary, ...key);
  expect(await command.exited(RUN_LIMIT_MS)).toBe(1);
  expect(command.output).toContain("room_http_401");
});

test("an interrupted run ends at once, with what it has measured", async () => {
  const json = join(folder, "interrupted.json");
  const command = start(ordinary, "--seconds", "600", "--json", json);
  await command.until("measuring", RUN_LIMIT_MS, () => command.output.includes("measuring") || undefined);
  expect(await command.terminate(RUN_LIMIT_MS)).toBe(0);
  const result = JSON.parse(await readFile(json, "utf8")) as RunResult;
  expect(result.clients).toEqual({ publishers: 1, subscribers: 1, failed: 0 });
  expect(result.seconds.length).toBeLessThan(600);
});

test("a file that cannot be written is told before the run, not after it", async () => {
  const missing = join(folder, "no", "such", "result.json");
  const html = join(folder, "unwritten.html");
  const command = start(ordinary, "--seconds", "600", "--html", html, "--json", missing);
  expect(await command.exited(RUN_LIMIT_MS)).toBe(2);
  expect(command.output).toContain(`--json: ENOENT: no such file or directory, open '${missing}'`);
  expect(command.output).not.toMatch(/^ +at /m);
});
