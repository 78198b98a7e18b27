/**
 * Goal: a browser encodes no more than somebody wants to see, and whoever wants more has it soon.
 * Method: a sealed VP8 call in Chromium; the only viewer changes its mind, leaves, and comes back.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "dynacast";

describe.skipIf(!requireProgram("chromium"))("three encodings of one publisher", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let ada: TestCall;
  let bo: TestCall;
  let api: ControlApi;

  beforeAll(async () => {
    const viewport = { width: 1280, height: 720 };
    [server, browser] = await Promise.all([startServer({}), launchChromium({ viewport })]);
    ada = await TestCall.join(browser, server, { room: ROOM, name: "ada" });
    bo = await TestCall.join(browser, server, { room: ROOM, name: "bo", watch: true });
    api = new ControlApi(server.url, ROOM, await server.token(ROOM, "bo"));
  });

  afterAll(async () => {
    await Promise.all([ada?.leave(), bo?.leave()]);
    await browser?.close();
    await server?.stop();
  });

  /** Waits until just these encodings come in, by RID. */
  async function untilSent(rids: string): Promise<void> {
    await ada.until(`sending ${rids}`, async () => {
      const layers = (await api.tracks()).find(({ kind }) => kind === "video")?.layers ?? [];
      return rids === layers.flatMap(({ rid, active }) => (active ? rid : [])).join(" ");
    });
  }

  test("are all sent while the highest is wanted", async () => {
    await bo.tileWhen("high", "ada", ({ frameWidth }) => frameWidth === 1280);
    await untilSent("q h f");
    expect((await api.tracks()).find(({ kind }) => kind === "video")?.wantedSpatial).toBe(2);
  });

  test("two are turned off when only the lowest is, and the picture goes on", async () => {
    await api.prefer((await api.videoSubscription()).id, { preferred: { spatial: 0, temporal: 7 } });
    const before = await bo.tileWhen("low", "ada", ({ frameWidth }) => frameWidth === 320);
    await untilSent("q");
    await delay(2_000);
    const after = (await bo.tile("ada"))!;
    expect(after.framesDecoded).toBeGreaterThan(before.framesDecoded + 20);
    expect(after.totalFreezesDuration - before.totalFreezesDuration).toBeLessThan(0.5);
  });

  test("they come back when it changes its mind", async () => {
    await api.prefer((await api.videoSubscription()).id, { preferred: { spatial: 3, temporal: 7 } });
    await bo.tileWhen("high again", "ada", ({ frameWidth }) => frameWidth === 1280);
    await untilSent("q h f");
  });

  test("a viewer whose tile is half as wide as the camera's picture wants the medium one", async () => {
    await api.prefer((await api.videoSubscription()).id, { preferred: { spatial: 0, temporal: 7 } });
    const cy = await TestCall.join(browser, server, { room: ROOM, name: "cy", watch: true, fit: true });
    await cy.tileWhen("medium", "ada", ({ frameWidth }) => frameWidth === 640);
    await untilSent("q h");
    const cyApi = new ControlApi(server.url, ROOM, await server.token(ROOM, "cy"));
    const { visible } = (await cyApi.videoSubscription()).preference;
    expect(visible!.width / visible!.height).toBeCloseTo(16 / 9, 1);
    await cy.setLayers("ada", "high");
    await cy.tileWhen("high", "ada", ({ frameWidth }) => frameWidth === 1280);
    await cy.setLayers("ada", "auto");
    await cy.tileWhen("medium again", "ada", ({ frameWidth }) => frameWidth === 640);
    await cy.leave();
    expect(cy.console).toEqual([]);
  });

  test("none is sent when nobody watches, and the next who does sees and hears", async () => {
    await bo.leave();
    await untilSent("");
    bo = await TestCall.join(browser, server, { room: ROOM, name: "bo", watch: true });
    await bo.tileWhen("seen and heard", "ada", (tile) => {
      return tile.framesDecoded > 10 && tile.totalAudioEnergy > 0 && tile.mark === "sealed";
    });
    expect([...ada.console, ...bo.console]).toEqual([]);
  });
});
