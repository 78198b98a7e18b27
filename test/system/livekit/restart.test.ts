/**
 * Goal: a restart ends no call for good: LiveKit's clients are told to come back, do so by themselves as soon as the next
 * server is there, and publish again.
 * Method: two people in Chromium, and two servers after each other on the same ports. They have to hear each other again; that
 * they see each other can not be asked for, because Chromium's fake camera stands still after so long without a connection.
 */
import { afterEach, expect, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { freeMediaPort, freeTcpPort } from "../support/free-ports.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

let server: TestServer | undefined;
let browser: TestBrowser | undefined;
let pages: PageServer | undefined;

afterEach(async () => {
  await browser?.close();
  await pages?.close();
  await server?.stop();
});

test("a call goes on after a restart of the server, in the new one", async () => {
  const env = {
    BLINDFOLD_HTTP_PORT: String(await freeTcpPort()),
    BLINDFOLD_MEDIA_PORT: String(await freeMediaPort()),
  };
  [server, browser, pages] = await Promise.all([startServer(env), launchChromium(), servePage()]);
  const join = (name: string): Promise<LiveKitCall> =>
    LiveKitCall.join(browser!, pages!, server!, { room: "restart", name });
  const [ada, bo] = await Promise.all([join("ada"), join("bo")]);
  await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
  const before = await Promise.all([ada.report(), bo.report()]);

  const old = server;
  server = undefined;
  await old.stop();
  server = await startServer(env);

  for (const [index, call] of [ada, bo].entries()) {
    await call.until(
      "reconnect",
      ({ events, sid }) => events.includes("reconnected") && sid !== before[index]!.sid,
    );
  }
  for (const [call, other] of [
    [ada, "bo"],
    [bo, "ada"],
  ] as const) {
    await call.track("sound", other, "audio", ({ subscribed, audioEnergy }) => subscribed && audioEnergy > 0);
    await call.track("camera", other, "video", ({ subscribed }) => subscribed);
  }
  const reports = await Promise.all([ada.report(), bo.report()]);
  expect(reports.map(({ state }) => state)).toEqual(["connected", "connected"]);
}, 180_000);
