/**
 * Goal: LiveKit's web SDK, as it comes from npm, is a client of this server.
 * Method: pages in Chromium with the SDK's own bundle against a server in a process of its own.
 */
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type CallOptions, LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

describe.skipIf(!requireProgram("chromium"))("LiveKit's web SDK in Chromium", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let pages: PageServer;

  const join = (options: CallOptions): Promise<LiveKitCall> =>
    LiveKitCall.join(browser, pages, server, options);

  beforeAll(async () => {
    [server, browser, pages] = await Promise.all([startServer(), launchChromium(), servePage()]);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await server?.stop();
  });

  describe.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("%s", (title, single) => {
    const roomOf = (name: string): string => `${name} over ${title}`;

    test("two see and hear each other, and one is seen to leave", async () => {
      const room = roomOf("a call");
      const ada = await join({ room, name: "ada", single });
      const bo = await join({ room, name: "bo", single });
      await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
      await ada.leave();
      await bo.until("sight of ada's leaving", ({ remotes }) => remotes.length === 0);
      await bo.leave();
    });
  });
});
