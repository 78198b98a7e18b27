/**
 * Goal: clients that can reach nothing but a TURN server hold a call through it, by credentials that this server makes.
 * Method: coturn on loopback; LiveKit's web SDK in Chromium uses nothing but relays.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { TurnServer } from "../support/turn-server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

const available = [requireProgram("chromium"), requireProgram("coturn")].every(Boolean);

describe.skipIf(!available)("through TURN alone", () => {
  let turn: TurnServer;
  let server: TestServer;
  let browser: TestBrowser;
  let pages: PageServer;

  beforeAll(async () => {
    turn = await TurnServer.start();
    [server, browser, pages] = await Promise.all([
      startServer({
        BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: "127.0.0.1",
        BLINDFOLD_ICE_TURN_URLS: turn.urls.join(),
        BLINDFOLD_ICE_TURN_SECRET: turn.secret,
      }),
      launchChromium(),
      servePage(),
    ]);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await server?.stop();
    await turn?.stop();
  });

  test.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("two see and hear each other, sealed, over %s", async (room, single) => {
    const options = { room, single, relayed: true, passphrase: "correct horse" };
    const ada = await LiveKitCall.join(browser, pages, server, { ...options, name: "ada" });
    const bo = await LiveKitCall.join(browser, pages, server, { ...options, name: "bo" });
    await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
    for (const path of await ada.page.evaluate(() => window.call.paths(), null)) {
      expect(path).toMatch(/^relay /);
    }
    await Promise.all([ada.close(), bo.close()]);
  });

  test("LiveKit's own check connects through it", async () => {
    const page = await browser.newPage();
    await page.goto(pages.url);
    const token = await server.token("check", "ada");
    const url = server.url.replace("http", "ws");
    const { status, logs } = await page.evaluate((to) => window.call.check("checkTURN", to), { url, token });
    expect(logs).toEqual(["warning: TURN is configured server side, but TURN/TLS is unavailable."]);
    expect(status).toBe("SUCCESS");
    await page.close();
  });
});
