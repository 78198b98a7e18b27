/**
 * Goal: whose line has become too narrow for any picture is told that it is paused, hears on, and sees again afterwards.
 * Method: the web SDK in Chromium, the viewer behind a relay whose line down is narrowed and widened, or asking for that.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RelayProcess } from "../../net/relay-process.ts";
import type { TestBrowser } from "../support/browser.ts";
import { launchChromium } from "../support/chromium.ts";
import { freeMediaPort } from "../support/free-ports.ts";
import { requireProgram } from "../support/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

/** A sealed voice takes about half of it, and the smallest picture would take more than the other. */
const NARROW_BPS = 100_000;

describe.skipIf(!requireProgram("chromium"))("a viewer", () => {
  let relay: RelayProcess;
  let server: TestServer;
  let browser: TestBrowser;
  let pages: PageServer;

  beforeAll(async () => {
    const serverPort = await freeMediaPort();
    // Whoever comes first is on a line of its own.
    relay = await RelayProcess.start({ serverPort, spared: 1, seed: 1 });
    [server, browser, pages] = await Promise.all([
      startServer({
        BLINDFOLD_MEDIA_HOST: "127.0.0.1",
        BLINDFOLD_MEDIA_PORT: String(serverPort),
        BLINDFOLD_MEDIA_THREADS: "1",
        BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: `127.0.0.1:${relay.port}`,
      }),
      launchChromium(),
      servePage(),
    ]);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
    await server?.stop();
    await relay?.stop();
  });

  const simulate = async ({ page }: LiveKitCall, bps: number): Promise<void> =>
    await page.evaluate((bps) => window.call.room.simulateScenario("subscriber-bandwidth", bps), bps);

  test.each([
    {
      line: "line narrows",
      narrow: () => relay.change("down", { rateBps: NARROW_BPS }),
      widen: () => relay.change("down", { rateBps: null }),
    },
    {
      line: "client simulates that",
      narrow: (bo: LiveKitCall) => simulate(bo, NARROW_BPS),
      widen: (bo: LiveKitCall) => simulate(bo, 0),
    },
  ])(
    "whose $line is told that the picture is paused, hears on, and sees again when it widens",
    async ({ narrow, widen }) => {
      const options = { room: "narrow", large: true, passphrase: "correct horse" };
      const ada = await LiveKitCall.join(browser, pages, server, { ...options, name: "ada" });
      const bo = await LiveKitCall.join(browser, pages, server, { ...options, name: "bo", publish: false });
      await bo.seesAndHears("ada");
      await narrow(bo);
      await bo.track("paused picture", "ada", "video", ({ streamState }) => streamState === "paused");
      const { audioEnergy } = await bo.track("voice", "ada", "audio", ({ subscribed }) => subscribed);
      await bo.track("voice that goes on", "ada", "audio", (track) => track.audioEnergy > audioEnergy);
      await widen(bo);
      const { framesDecoded } = await bo.track("active picture", "ada", "video", ({ streamState }) => {
        return streamState === "active";
      });
      await bo.track("moving picture", "ada", "video", (track) => track.framesDecoded > framesDecoded + 5);
      expect((await bo.report()).events).not.toContain("reconnecting");
      await Promise.all([ada.close(), bo.close()]);
    },
  );
});
