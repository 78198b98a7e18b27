/**
 * Goal: who has not updated an application for half a year is a client of this server, beside those who have.
 * Method: the web SDK of then and that of now in one sealed call, on one PeerConnection and on two.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

describe.skipIf(!requireProgram("chromium"))("LiveKit's web SDK of half a year ago", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let olderPages: PageServer;
  let newerPages: PageServer;
  let older: LiveKitCall;
  let newer: LiveKitCall;

  beforeAll(async () => {
    [server, browser, olderPages, newerPages] = await Promise.all([
      startServer(),
      launchChromium(),
      servePage("livekit-client-older"),
      servePage(),
    ]);
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([olderPages?.close(), newerPages?.close()]);
    await server?.stop();
  });

  afterEach(async () => {
    await Promise.all([older?.close(), newer?.close()]);
  });

  test.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("sealed over %s: seen, heard, read, called, and taken up again", async (room, single) => {
    const options = { room, single, passphrase: "correct horse" };
    newer = await LiveKitCall.join(browser, newerPages, server, { ...options, name: "newer" });
    older = await LiveKitCall.join(browser, olderPages, server, { ...options, name: "older" });
    await Promise.all([older.seesAndHears("newer"), newer.seesAndHears("older")]);
    for (const [from, to] of [
      ["older", "newer"],
      ["newer", "older"],
    ] as const) {
      const [sender, receiver] = from === "older" ? [older, newer] : [newer, older];
      expect(await talk(sender, to)).toBe(`${from} hello`);
      await receiver.until("a long text", ({ heard }) => heard.includes(`${from} long: 100000 1`));
    }
    await older.page.evaluate(() => window.call.cut(), null);
    const { events } = await older.until("resume", (report) => {
      return report.events.includes("reconnected") && report;
    });
    expect(events, "not a full reconnect").not.toContain("reconnecting");
    await Promise.all([older.seesAndHears("newer"), newer.seesAndHears("older")]);
  });
});

/** Sends a long text and calls a method of another. Returns what that answers. */
function talk(call: LiveKitCall, destinationIdentity: string): Promise<string> {
  return call.page.evaluate(async (to) => {
    const { localParticipant } = window.call.room;
    await localParticipant.sendText("x".repeat(100_000), { topic: "long" });
    return await localParticipant.performRpc({ destinationIdentity: to, method: "echo", payload: "hello" });
  }, destinationIdentity);
}
