/**
 * Goal: the server hears who speaks in a call that it can not listen to: from the levels that a real browser measures.
 * Method: the test call in Chromium, whose microphone is a file of words and pauses, and somebody who watches.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "talk";
const SAMPLE_RATE = 48_000;
const SECONDS = 4;

/** Something like a voice: a tone with overtones, in four syllables a second; a word of 1.5 s, then a pause of 0.5. */
function speech(): Buffer {
  const samples = Int16Array.from({ length: SECONDS * SAMPLE_RATE }, (_, i) => {
    const seconds = i / SAMPLE_RATE;
    if (seconds % 2 >= 1.5) return 0;
    const syllable = Math.max(Math.sin(2 * Math.PI * 4 * seconds), 0);
    const pitch = 140 + 20 * Math.sin(2 * Math.PI * 0.7 * seconds);
    const overtones = [1, 2, 3, 5, 8, 12].map((n) => Math.sin(2 * Math.PI * pitch * n * seconds) / n);
    return 6_000 * syllable * overtones.reduce((sum, one) => sum + one);
  });
  const data = Buffer.from(samples.buffer);
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}

describe.skipIf(!requireProgram("chromium"))("who speaks in a sealed call", () => {
  const folder = mkdtempSync(join(tmpdir(), "speech-"));
  let server: TestServer;
  let browser: TestBrowser;
  let ada: TestCall;
  let bo: TestCall;

  beforeAll(async () => {
    const file = join(folder, "speech.wav");
    writeFileSync(file, speech());
    [server, browser] = await Promise.all([startServer(), launchChromium({ microphoneFile: file })]);
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
