/** Goal: a server under measurement does not outlive who measures it, and one that cannot start says which it was. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startBlindfold, started } from "../../loadtest/server-process.ts";
import { Subprocess } from "../system/support/subprocess.ts";

const LIMIT_MS = 20_000;
const MODULE = fileURLToPath(new URL("../../loadtest/server-process.ts", import.meta.url));

/** Answers at `http://127.0.0.1:PORT`, and takes no notice of being asked to end. */
const SERVER = `
  process.on("SIGTERM", () => {});
  require("node:http").createServer((_, reply) => reply.end()).listen(0, "127.0.0.1", function () {
    process.send(this.address().port);
  });`;

const MEASUREMENT = `
  import { spawn } from "node:child_process";
  import { once } from "node:events";
  import { started } from ${JSON.stringify(MODULE)};
  const child = spawn(process.execPath, ["-e", ${JSON.stringify(SERVER)}], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  const [port] = await once(child, "message");
  const url = "http://127.0.0.1:" + port;
  await started(child, url, url, "a server");
  console.log("pid " + child.pid);
  setInterval(() => {}, 1_000);`;

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test("a measurement that is told to end takes its server along", async () => {
  const measurement = new Subprocess(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", MEASUREMENT],
    { PATH: process.env.PATH ?? "" },
  );
  const pid = await measurement.until("measuring", LIMIT_MS, () => {
    const [, found] = /pid (\d+)/.exec(measurement.output) ?? [];
    return found === undefined ? undefined : Number(found);
  });
  expect(isAlive(pid)).toBe(true);
  await measurement.terminate(LIMIT_MS);
  try {
    await expect.poll(() => isAlive(pid), { timeout: LIMIT_MS }).toBe(false);
  } finally {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
});

test("whoever else answers at its port is not measured in its place", async () => {
  const other = createServer((_, reply) => reply.end()).listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    const { port } = other.address() as AddressInfo;
    await expect(startBlindfold("127.0.0.1", port)).rejects.toThrow(
      "Blindfold did not start: somebody else answers",
    );
  } finally {
    other.closeAllConnections();
    other.close();
  }
});

test("a server that is not installed is named", async () => {
  const url = "http://127.0.0.1:1";
  await expect(started(spawn("/no/such/server"), url, url, "Such a server")).rejects.toThrow(
    /^Such a server did not start: spawn \/no\/such\/server ENOENT$/,
  );
});
