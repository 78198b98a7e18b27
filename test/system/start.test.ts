/** Goal: a server that does not start says why, and ends with the status that service managers are told of in README. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { NO_STORE } from "../../loadtest/no-store.ts";
import { Subprocess } from "./support/subprocess.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const LIMIT_MS = 30_000;

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Subprocess {
  const quiet = ["--disable-warning=ExperimentalWarning", MAIN];
  return new Subprocess(process.execPath, [...quiet, ...args], {
    PATH: process.env.PATH ?? "",
    ...NO_STORE,
    ...env,
  });
}

test("--help names the one option and where the settings are", async () => {
  const server = run(["--help"]);
  expect(await server.exited(LIMIT_MS), server.output).toBe(0);
  expect(server.output).toMatch(/^Usage: npm start -- \[--config path\]/);
  expect(server.output).toContain("config/default.yaml");
});

test("settings that are wrong end it with 78, and a line for each", async () => {
  const server = run([], { BLINDFOLD_HTTP_PORT: "x", BLINDFOLD_NO_SUCH: "1" });
  expect(await server.exited(LIMIT_MS)).toBe(78);
  expect(server.output.trimEnd().split("\n")).toEqual([
    "configuration: BLINDFOLD_NO_SUCH: no setting has this name",
    'configuration: http.port: must be a whole number, not "x" (from BLINDFOLD_HTTP_PORT)',
  ]);
});

test("where clients are told to send media is in the log, once for UDP and TCP, and what does not get there", async () => {
  const server = run([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "192.0.2.7:50000,[2001:db8::7]:50000",
  });
  try {
    const listens = () => server.output.split("\n").find((line) => line.includes('"media thread listens"'));
    const line = await server.until("listening", LIMIT_MS, listens);
    expect(JSON.parse(line)).toMatchObject({ announced: ["192.0.2.7:50000", "[2001:db8::7]:50000"] });
    const warning = server.output.split("\n").find((line) => line.includes("other IP version"));
    expect(JSON.parse(warning ?? "{}")).toMatchObject({
      level: "warn",
      host: "0.0.0.0",
      addresses: ["2001:db8::7"],
    });
  } finally {
    await server.terminate(LIMIT_MS);
  }
});

// The portable tier takes no more than the system grants to everybody.
test.runIf(process.platform === "linux")("socket buffers that the system cut are in the log", async () => {
  const asked = 1_073_741_824;
  const server = run([], {
    BLINDFOLD_HTTP_PORT: "0",
    BLINDFOLD_MEDIA_PORT: "0",
    BLINDFOLD_MEDIA_THREADS: "1",
    BLINDFOLD_FAST_PATH: "portable",
    BLINDFOLD_MEDIA_SOCKET_BUFFER_BYTES: String(asked),
  });
  try {
    const warned = () => server.output.split("\n").find((line) => line.includes("net.core.rmem_max"));
    const line = JSON.parse(await server.until("warning", LIMIT_MS, warned));
    const granted = (direction: "r" | "w") =>
      Number(readFileSync(`/proc/sys/net/core/${direction}mem_max`, "utf8"));
    expect(line).toMatchObject({ level: "warn", asked, received: granted("r"), sent: granted("w") });
  } finally {
    await server.terminate(LIMIT_MS);
  }
});

test("a port that is taken ends it with 69", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    const { port } = other.address() as AddressInfo;
    const server = run([], { BLINDFOLD_HTTP_PORT: String(port), BLINDFOLD_MEDIA_PORT: "0" });
    expect(await server.exited(LIMIT_MS), server.output).toBe(69);
    expect(server.output).toContain("Blindfold could not start: listen EADDRINUSE");
    expect(server.output).toContain("(another process has it");
  } finally {
    other.close();
  }
});

test("a port of a media thread that is taken is named with its thread", async () => {
  const other = createSocket("udp4").bind(0, "127.0.0.1");
  await once(other, "listening");
  try {
    const { port } = other.address();
    const server = run([], {
      BLINDFOLD_HTTP_PORT: "0",
      BLINDFOLD_MEDIA_HOST: "127.0.0.1",
      BLINDFOLD_MEDIA_PORT: String(port - 1),
      BLINDFOLD_MEDIA_THREADS: "2",
    });
    expect(await server.exited(LIMIT_MS), server.output).toBe(69);
    expect(server.output).toContain(
      `Blindfold could not start: thread media-1: bind EADDRINUSE 127.0.0.1:${port} (another process has it`,
    );
  } finally {
    other.close();
  }
});

test.runIf(process.platform === "linux")(
  "a limit that the system sets is named with its remedy",
  async () => {
    const command = [process.execPath, "--disable-warning=ExperimentalWarning", MAIN];
    const env = {
      PATH: process.env.PATH ?? "",
      ...NO_STORE,
      BLINDFOLD_HTTP_PORT: "0",
      BLINDFOLD_MEDIA_PORT: "0",
    };
    const server = new Subprocess("sh", ["-c", 'ulimit -n 30; exec "$@"', "sh", ...command], {
      ...env,
      BLINDFOLD_MEDIA_THREADS: "8",
    });
    expect(await server.exited(LIMIT_MS), server.output).toBe(69);
    expect(server.output).toMatch(/could not start: thread .*\(raise the limit of open files/);
  },
);

// Nothing can be made there, which the kernel says as if the directory above were missing.
test.runIf(process.platform === "linux")("a store that cannot be made ends it with 69", async () => {
  const server = run([], {
    BLINDFOLD_WEBHOOKS_URLS: "http://127.0.0.1:9/",
    BLINDFOLD_STORE_PATH: "/proc/blindfold/data",
  });
  expect(await server.exited(LIMIT_MS), server.output).toBe(69);
  expect(server.output).toContain(
    "Blindfold could not start: store.path: /proc/blindfold/data/blindfold.db: ENOENT",
  );
});
