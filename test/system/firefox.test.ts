/**
 * Goal: engines meet. Firefox publishes three sealed encodings for Chromium and plays what Chromium publishes.
 * Method: the test call in both; layers of Firefox's video are changed by the control API.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TileReport } from "../../src/http/test-call/tile.ts";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { launchFirefox } from "./support/firefox.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer, TIERS } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "engines";
const available = [requireProgram("firefox"), requireProgram("chromium")].every(Boolean);

let firefox: TestBrowser;
let chromium: TestBrowser;

beforeAll(async () => {
  if (available) [firefox, chromium] = await Promise.all([launchFirefox(), launchChromium()]);
});

afterAll(async () => {
  await Promise.all([firefox?.close(), chromium?.close()]);
});

describe.skipIf(!available).each(TIERS)("Firefox and Chromium on the %s tier", (tier) => {
  let server: TestServer;
  let fox: TestCall;
  let chrome: TestCall;
  let api: ControlApi;

  beforeAll(async () => {
    server = await startServer({ BLINDFOLD_FAST_PATH: tier });
    fox = await TestCall.join(firefox, server, { room: ROOM, name: "fox" });
    chrome = await TestCall.join(chromium, server, { room: ROOM, name: "chrome" });
    api = new ControlApi(server.url, ROOM, await server.token(ROOM, "chrome"));
  });

  afterAll(async () => {
    await Promise.all([fox?.close(), chrome?.close()]);
    await server?.stop();
  });

  test("what Firefox publishes is seen and heard in Chromium", async () => {
    const tile = await chrome.tileWhen("seen and heard", "fox", isSeenAndHeard);
    expect(tile.framesDecryptFailed).toBe(0);
    const video = await chrome.until("in three encodings", async () => {
      const tracks = await api.tracks();
      return tracks.find((track) => track.participant === "fox" && track.layers?.length === 3);
    });
    expect(video).toMatchObject({ codec: "VP8", dependencyDescriptor: true });
    expect(video.layers!.map(({ rid }) => rid)).toEqual(["q", "h", "f"]);
  });

  test("what Chromium publishes is seen and heard in Firefox", async () => {
    const tile = await fox.tileWhen("seen and heard", "chrome", isSeenAndHeard);
    expect(tile.framesDecryptFailed).toBe(0);
  });

  test("layers of Firefox's video switch by the API", async () => {
    const { id } = await api.videoSubscription();
    await chrome.tileWhen("high", "fox", ({ frameWidth }) => frameWidth === 1280);
    await api.prefer(id, { preferred: { spatial: 0, temporal: 7 } });
    await chrome.tileWhen("low", "fox", ({ frameWidth }) => frameWidth === 320);
    await api.prefer(id, { preferred: { spatial: 3, temporal: 7 } });
    const tile = await chrome.tileWhen("high again", "fox", ({ frameWidth }) => frameWidth === 1280);
    expect(tile.framesDecryptFailed).toBe(0);
  });
});

function isSeenAndHeard({ framesDecoded, frameWidth, totalAudioEnergy, mark }: TileReport): boolean {
  return framesDecoded > 30 && frameWidth > 0 && totalAudioEnergy > 0 && mark === "sealed";
}
