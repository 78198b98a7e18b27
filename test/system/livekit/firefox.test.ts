/**
 * Goal: LiveKit's web SDK works in Firefox too, which offers otherwise than Chromium: no offer comes with its join request.
 * Method: Firefox and Chromium in one sealed call, on one PeerConnection and on two.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { launchFirefox } from "../support/firefox.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

const available = [requireProgram("firefox"), requireProgram("chromium")].every(Boolean);
const PASSPHRASE = "correct horse";

describe.skipIf(!available)("LiveKit's web SDK in Firefox", () => {
  let server: TestServer;
  let firefox: TestBrowser;
  let chromium: TestBrowser;
  let pages: PageServer;
  let fox: LiveKitCall;
  let chrome: LiveKitCall;

  beforeAll(async () => {
    [server, firefox, chromium, pages] = await Promise.all([
      startServer(),
      launchFirefox(),
      launchChromium(),
      servePage(),
    ]);
  });

  afterAll(async () => {
    await Promise.all([firefox?.close(), chromium?.close()]);
    await pages?.close();
    await server?.stop();
  });

  afterEach(async () => {
    await Promise.all([fox?.close(), chrome?.close()]);
  });

  test.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])(
    "seen, heard and read, sealed, over %s, and once more after the signal connection was cut",
    async (room, single) => {
      const options = { room, single, passphrase: PASSPHRASE };
      chrome = await LiveKitCall.join(chromium, pages, server, { ...options, name: "chrome" });
      fox = await LiveKitCall.join(firefox, pages, server, { ...options, name: "fox" });
      await Promise.all([fox.seesAndHears("chrome"), chrome.seesAndHears("fox")]);
      for (const call of [fox, chrome]) {
        for (const { encrypted } of (await call.report()).tracks) expect(encrypted).toBe(true);
      }
      await say(fox, "from the fox");
      await say(chrome, "from the chrome");
      await chrome.until("text", ({ heard }) => heard.includes("fox t: from the fox"));
      await fox.until("text", ({ heard }) => heard.includes("chrome t: from the chrome"));

      await fox.page.evaluate(() => window.call.cut(), null);
      const { events } = await fox.until("resume", (report) => {
        return report.events.includes("reconnected") && report;
      });
      expect(events, "not a full reconnect").not.toContain("reconnecting");
      await say(chrome, "welcome back");
      await fox.until("text", ({ heard }) => heard.includes("chrome t: welcome back"));
      await Promise.all([fox.seesAndHears("chrome"), chrome.seesAndHears("fox")]);
    },
  );
});

function say(call: LiveKitCall, text: string): Promise<void> {
  return call.page.evaluate(async (words) => {
    const payload = new TextEncoder().encode(words);
    await window.call.room.localParticipant.publishData(payload, { reliable: true, topic: "t" });
  }, text);
}
