/**
 * Goal: LiveKit's Rust core, which its SDKs for Python, Node, C++ and Unity share, is a client of this server, and seals
 * its media so that the web SDK can open it and the reverse.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { NativeCaller } from "./native-caller.ts";
import { type PageServer, servePage } from "./page-server.ts";

const WAIT_LIMIT_MS = 40_000;

describe.skipIf(!requireProgram("chromium"))("LiveKit's Rust core", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let pages: PageServer;

  beforeAll(async () => {
    [server, browser, pages] = await Promise.all([startServer(), launchChromium(), servePage()]);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await server?.stop();
  });

  async function hearsAndSees({ received }: NativeCaller): Promise<void> {
    const endMs = Date.now() + WAIT_LIMIT_MS;
    while (received.frames < 10 || received.loudSamples < 10) {
      if (Date.now() > endMs) throw new Error(`received ${JSON.stringify(received)} in time`);
      await delay(100);
    }
  }

  test.each([
    ["in the clear", undefined],
    ["sealed end to end", "correct horse"],
  ])("and the web SDK see and hear each other, %s", async (title, passphrase) => {
    const sealed = passphrase === undefined ? {} : { passphrase };
    const web = await LiveKitCall.join(browser, pages, server, { room: title, name: "web", ...sealed });
    const native = await NativeCaller.join(server, title, "native", passphrase);
    await native.publish();
    await Promise.all([web.seesAndHears("native"), hearsAndSees(native)]);
    for (const { encrypted } of (await web.report()).tracks) expect(encrypted).toBe(passphrase !== undefined);
    await native.leave();
    await web.until("sight of native's leaving", ({ remotes }) => remotes.length === 0);
    await web.leave();
  });

  test("two of it see and hear each other", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => NativeCaller.join(server, "native", name)),
    );
    await Promise.all([one!.publish(), two!.publish()]);
    await Promise.all([hearsAndSees(one!), hearsAndSees(two!)]);
    await Promise.all([one!.leave(), two!.leave()]);
  });
});
