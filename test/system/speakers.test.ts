/**
 * Goal: the server hears who speaks in a call that it can not listen to: from the levels that a real browser measures.
 * Method: the test call in Chromium, whose microphone is a file of words and pauses, and somebody who watches.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { writeSpeech } from "./support/speech.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "talk";

describe.skipIf(!requireProgram("chromium"))("who speaks in a sealed call", () => {
  const folder = mkdtempSync(join(tmpdir(), "speech-"));
  let server: TestServer;
  let browser: TestBrowser;
  let ada: TestCall;
  let bo: TestCall;

  beforeAll(async () => {
    const microphoneFile = writeSpeech(folder);
    [server, browser] = await Promise.all([startServer(), launchChromium({ microphoneFile })]);
    ada = await TestCall.join(browser, server, { room: ROOM, name: "ada" });
    bo = await TestCall.join(browser, server, { room: ROOM, name: "bo", watch: true });
  });

  afterAll(async () => {
    await Promise.all([ada?.leave(), bo?.leave()]);
    await browser?.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  test("is marked in the pages of all, and told by the API", async () => {
    await bo.tileWhen("marked", "ada", ({ voice, mark }) => voice === "dominant" && mark === "sealed");
    await ada.tileWhen("marked", "ada", ({ voice }) => voice === "dominant");
    expect((await bo.tile("bo"))!.voice).toBe("silent");
    const api = new ControlApi(server.url, ROOM, await server.token(ROOM, "bo"));
    await bo.until("speaking", async () => {
      const [one] = (await api.participants()).filter(({ identity }) => identity === "ada");
      return one?.speaking === true && one.level > 0 && one.level < 1;
    });
  });

  test("falls silent when the server mutes the track", async () => {
    const api = new ControlApi(server.url, ROOM, await server.token(ROOM, "bo", { roomAdmin: true }));
    const track = (await api.tracks()).find(({ kind }) => kind === "audio")!;
    await api.mute(track.id);
    await bo.until("silent", async () => (await api.participants()).every(({ speaking }) => !speaking));
    await bo.tileWhen("not marked", "ada", ({ voice }) => voice === "silent");
  });
});
