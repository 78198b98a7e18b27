/**
 * Goal: what the page seals, a real browser's encoder, packetiser, depacketiser and decoder carry, for every codec;
 * with another passphrase nothing is decoded, and what is not sealed is not shown as if it were.
 * Method: two peer connections in one Chromium page, with the page's own worker at both ends; no server in between.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VideoCodec } from "../../src/base/codec.ts";
import type { TestBrowser, TestPage } from "../system/support/browser.ts";
import { launchChromium } from "../system/support/chromium.ts";
import { requireProgram } from "../system/support/programs.ts";
import type { LoopOutcome, LoopSettings } from "./loop-page.ts";
import { type PageServer, servePage } from "./page-server.ts";

const CODECS: readonly VideoCodec[] = ["VP8", "VP9", "H264", "AV1"];
/** Enough that key and delta frames of all temporal layers were among them. */
const FRAMES = 40;
const LIMIT_MS = 30_000;

describe.skipIf(!requireProgram("chromium"))("sealed frames in Chromium", () => {
  let server: PageServer;
  let browser: TestBrowser;
  let page: TestPage;

  beforeAll(async () => {
    server = await servePage();
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${server.url}loop`);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const run = (changes: Partial<LoopSettings>): Promise<LoopOutcome> => {
    const settings: LoopSettings = {
      codec: "VP8",
      mode: "seal",
      receiverPassphrase: "correct horse",
      receiverThinksSender: "alice",
      frames: FRAMES,
      limitMs: LIMIT_MS,
      ...changes,
    };
    return page.evaluate((all) => window.runLoop(all), settings);
  };

  test.each(CODECS)("%s and Opus are decoded at the other end", async (codec) => {
    const { video, audio, decoded, audioEnergy } = await run({ codec });
    expect(decoded).toBeGreaterThanOrEqual(FRAMES);
    expect(video.good).toBeGreaterThanOrEqual(FRAMES);
    expect(video.failed).toBe(0);
    expect(audio.good).toBeGreaterThan(0);
    expect(audio.failed).toBe(0);
    expect(audioEnergy).toBeGreaterThan(0);
  });

  const otherPassphrase = { receiverPassphrase: "wrong horse" };
  test.each<[string, VideoCodec, Partial<LoopSettings>]>([
    ["another passphrase", "VP8", otherPassphrase],
    ["another passphrase", "VP9", otherPassphrase],
    ["another passphrase", "H264", otherPassphrase],
    ["another passphrase", "AV1", otherPassphrase],
    ["the name of another sender", "VP8", { receiverThinksSender: "bob" }],
    ["frames that were never sealed", "VP8", { mode: "pass" }],
  ])("with %s no frame of %s is decoded, and nothing is heard", async (_what, codec, settings) => {
    const { video, audio, decoded, audioEnergy } = await run({ ...settings, codec });
    expect(video.failed).toBeGreaterThan(0);
    expect(video.good).toBe(0);
    expect(decoded).toBe(0);
    expect(audio.failed).toBeGreaterThan(0);
    expect(audio.good).toBe(0);
    expect(audioEnergy).toBe(0);
  });
});
