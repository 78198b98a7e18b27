/**
 * Goal: who may send no UDP is in the call all the same, by ICE over TCP on the media port.
 * Method: the server announces a port where only TCP gets through; browsers hold a sealed call over it, and Chromium gets
 * back into it when its connections are cut. Firefox does not try to, until it has missed consent for half a minute.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TileReport } from "../../src/http/test-call/tile.ts";
import type { BrowserName, TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { launchFirefox } from "./support/firefox.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer, TIERS } from "./support/server.ts";
import { TcpGate } from "./support/tcp-gate.ts";
import { TestCall } from "./support/test-call.ts";

const BROWSERS: readonly (readonly [
  BrowserName,
  () => Promise<TestBrowser>,
  readonly (typeof TIERS)[number][],
])[] = [
  ["chromium", launchChromium, TIERS],
  ["firefox", launchFirefox, TIERS.slice(0, 1)],
];

/** Those that were launched: one for both tiers. */
const browsers = new Map<BrowserName, TestBrowser>();

afterAll(async () => {
  for (const browser of browsers.values()) await browser.close();
});

describe.each(BROWSERS)("%s without UDP", (name, launch, tiers) => {
  describe.skipIf(!requireProgram(name)).each(tiers)("on the %s tier", (tier) => {
    const room = "no udp";
    let browser: TestBrowser;
    let gate: TcpGate;
    let server: TestServer;
    let ada: TestCall;
    let bo: TestCall;

    beforeAll(async () => {
      gate = await TcpGate.open(() => server.mediaPort);
      const settings = {
        BLINDFOLD_FAST_PATH: tier,
        BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: gate.announced,
      };
      [server, browser] = await Promise.all([startServer(settings), browsers.get(name) ?? launch()]);
      browsers.set(name, browser);
      [ada, bo] = await Promise.all([
        TestCall.join(browser, server, { room, name: "ada" }),
        TestCall.join(browser, server, { room, name: "bo", watch: true }),
      ]);
    });

    afterAll(async () => {
      await Promise.all([ada?.close(), bo?.close()]);
      await server?.stop();
      await gate?.close();
    });

    test("it publishes, sees and hears, sealed end to end", async () => {
      const { framesDecryptFailed } = await bo.tileWhen("seen and heard", "ada", (tile) => {
        return tile.framesDecoded > 30 && tile.totalAudioEnergy > 0 && tile.mark === "sealed";
      });
      expect(framesDecryptFailed).toBe(0);
      const metrics = await server.metrics();
      expect(metrics.get('blindfold_tcp_connections{thread="media-0"}')).toBeGreaterThanOrEqual(2);
      const sent = metrics.get('blindfold_rtp_sent_bytes_total{kind="video"}')!;
      expect(sent).toBeGreaterThan(0);
      expect(metrics.get('blindfold_tcp_bytes_total{direction="sent"}')).toBeGreaterThan(sent);
    });

    test.skipIf(name === "firefox")("it comes back when its connections are cut", async () => {
      const { framesDecoded } = await bo.tileWhen("seen", "ada", isSeen);
      gate.cut();
      await bo.tileWhen("seen again", "ada", (tile) => tile.framesDecoded > framesDecoded + 30);
    });
  });
});

const isSeen = ({ framesDecoded }: TileReport): boolean => framesDecoded > 0;
