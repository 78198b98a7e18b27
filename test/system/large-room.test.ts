/**
 * Goal: a room that spans media threads is one room to those in it.
 * Method: a sealed call in Chromium on a server whose threads take one session of a room each: what the first
 * publishes, the presence of the second, and what that one watches.
 */
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "spread";

describe.skipIf(!requireProgram("chromium"))("a room in three media threads", () => {
  let server: TestServer;
  let browser: TestBrowser;
  let ada: TestCall;
  let bo: TestCall;

  beforeAll(async () => {
    const settings = { BLINDFOLD_MEDIA_THREADS: "3", BLINDFOLD_MEDIA_ROOM_TRANSPORTS_PER_THREAD: "1" };
    [server, browser] = await Promise.all([startServer(settings), launchChromium()]);
    ada = await TestCall.join(browser, server, { room: ROOM, name: "ada" });
    bo = await TestCall.join(browser, server, { room: ROOM, name: "bo", watch: true });
  });

  afterAll(async () => {
    await Promise.all([ada?.leave(), bo?.leave()]);
    await browser?.close();
    await server?.stop();
  });

  test("one is seen and heard in the other, through a pipe", async () => {
    await bo.tileWhen("seen and heard", "ada", (tile) => {
      return tile.framesDecoded > 10 && tile.totalAudioEnergy > 0 && tile.mark === "sealed";
    });
    // Objects are counted once a second.
    await bo.until("counted", async () => {
      const metrics = await server.metrics();
      const value = (series: string): number => metrics.get(`blindfold_${series}`) ?? 0;
      return (
        value('piped_packets_total{direction="received"}') > 100 &&
        ["0", "1", "2"].every(
          (thread) => value(`media_objects{thread="media-${thread}",object="transport"}`) === 1,
        )
      );
    });
  });

  test("layers are switched by the API", async () => {
    const api = new ControlApi(server.url, ROOM, await server.token(ROOM, "bo"));
    const { id } = await api.videoSubscription();
    await bo.tileWhen("high", "ada", ({ frameWidth }) => frameWidth === 1280);
    await api.prefer(id, { preferred: { spatial: 0, temporal: 7 } });
    await bo.tileWhen("low", "ada", ({ frameWidth }) => frameWidth === 320);
    await api.prefer(id, { preferred: { spatial: 3, temporal: 7 } });
    await bo.tileWhen("high again", "ada", ({ frameWidth }) => frameWidth === 1280);
  });
});
