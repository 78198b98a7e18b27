/**
 * Goal: the test call's page does what those in it expect, in situations that only a browser has.
 * Method: the page in Chromium, with and without devices, reloaded, shared, and reopened.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

describe.skipIf(!requireProgram("chromium"))("the page of the test call", () => {
  let server: TestServer;
  let browser: TestBrowser;

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchChromium()]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  test("who has only a microphone is heard", async () => {
    const cameraless = await launchChromium({ noCamera: true });
    try {
      const ada = await TestCall.join(cameraless, server, { room: "voices", name: "ada" });
      const bo = await TestCall.join(browser, server, { room: "voices", name: "bo" });
      await bo.tileWhen("heard", "ada", ({ totalAudioEnergy }) => totalAudioEnergy > 0);
      expect((await bo.tile("ada"))?.framesDecoded).toBe(0);
      await Promise.all([ada.close(), bo.close()]);
    } finally {
      await cameraless.close();
    }
  });
});
