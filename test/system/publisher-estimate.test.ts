/**
 * Goal: a publisher finds out how much it may send: its estimate is not held down by what the server feeds back.
 * Method: Chromium sends three encodings of a film that takes all that each may have. It may not be told more than half as
 * much again as it sends, and of its own test picture it sends so little that it passes 2.5 Mbit/s by its first probes or never.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { writeFakeCamera } from "./support/fake-camera.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer, TIERS } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

const ROOM = "ramp";

describe.skipIf(!requireProgram("chromium"))("a publisher in Chromium", () => {
  let folder: string;
  let browser: TestBrowser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "blindfold-film-"));
    const cameraFile = join(folder, "camera.y4m");
    await writeFakeCamera(cameraFile);
    browser = await launchChromium({ cameraFile });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(TIERS)("on the %s tier", (tier) => {
    let server: TestServer;

    beforeAll(async () => {
      server = await startServer({ BLINDFOLD_FAST_PATH: tier });
    });

    afterAll(() => server?.stop());

    // Chromium's estimate follows what it can encode: a machine that is busy with something else gets a second try.
    test("its estimate passes 2.5 Mbit/s, and all three layers flow", { retry: 2 }, async () => {
      const calls: TestCall[] = [];
      const enter = async (name: string, watch: boolean): Promise<TestCall> => {
        const call = await TestCall.join(browser, server, { room: ROOM, name, watch });
        calls.push(call);
        return call;
      };
      try {
        const ada = await enter("ada", false);
        // Without somebody who wants them, encodings are turned off.
        await enter("bo", true);
        const api = new ControlApi(server.url, ROOM, await server.token(ROOM, "bo"));
        await ada.tileWhen(
          "ramped up",
          "ada",
          ({ availableOutgoingBps }) => availableOutgoingBps > 2_500_000,
        );
        await ada.until("in all layers", async () => {
          const layers = (await api.tracks()).find(({ kind }) => kind === "video")?.layers ?? [];
          return (
            layers.length === 3 && layers.every(({ active, bitrateBps }) => active && bitrateBps > 50_000)
          );
        });
      } finally {
        // Whoever stayed would be in the way of the next attempt, whose people get other names.
        for (const call of calls) await call.leave();
      }
    });
  });
});
