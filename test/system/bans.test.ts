/**
 * Goal: a ban outlives the server.
 * Method: a whole server is killed (SIGKILL) as soon as it has answered, and a new one started on the same store.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ControlApi } from "./support/control-api.ts";
import { startServer, type TestServer } from "./support/server.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "bans-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function answer(server: TestServer, identity: string): Promise<string> {
  const token = await server.token("hall", identity);
  return (await fetch(`${server.url}/rtc/validate?access_token=${token}`)).text();
}

test("who was banned is banned in the next process, and who was not, or not any more, is not", async () => {
  const start = (): Promise<TestServer> => startServer({ BLINDFOLD_STORE_PATH: directory });
  const first = await start();
  const host = new ControlApi(first.url, "hall", await first.token("hall", "", { roomAdmin: true }));
  await host.ban("ada");
  await host.ban("bo");
  await host.unban("bo");
  await first.kill();
  const second = await start();
  const names = ["ada", "bo", "cy"];
  const answers = await Promise.all(names.map((identity) => answer(second, identity)));
  await second.stop();
  expect(answers).toEqual(["banned from the room", "success", "success"]);
});
