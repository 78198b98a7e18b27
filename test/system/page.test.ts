/**
 * Goal: the test call's page does what those in it expect, in situations that only a browser has.
 * Method: the page in Chromium, with and without devices, reloaded, shared, and reopened.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestBrowser, TestPage } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

/** Larger: a hang is reported later. */
const WAIT = { timeout: 40_000 };

const GOODBYE = "#goodbye:not([hidden]) h1";

/** The text of an element of the page; undefined while there is none. */
const textOf = (page: TestPage, selector: string): Promise<string | undefined> =>
  page.evaluate((one) => document.querySelector(one)?.textContent, selector).catch(() => undefined);

async function click(page: TestPage, selector: string): Promise<void> {
  await expect.poll(() => textOf(page, selector), WAIT).toBeDefined();
  await page.evaluate((one) => document.querySelector<HTMLElement>(one)?.click(), selector);
}

describe.skipIf(!requireProgram("chromium"))("the page of the test call", () => {
  let server: TestServer;
  let browser: TestBrowser;
  const store = mkdtempSync(join(tmpdir(), "page-"));

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer({ BLINDFOLD_STORE_PATH: store }), launchChromium()]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    rmSync(store, { recursive: true });
  });

  test("who has only a microphone is heard", async () => {
    const cameraless = await launchChromium({ noCamera: true });
    try {
      const ada = await TestCall.join(cameraless, server, { room: "voices", name: "ada" });
      const bo = await TestCall.join(browser, server, { room: "voices", name: "bo" });
      await bo.tileWhen("heard", "ada", ({ totalAudioEnergy }) => totalAudioEnergy > 0);
      expect((await bo.tile("ada"))?.framesDecoded).toBe(0);
      await Promise.all([ada.close(), bo.close()]);
    } finally {
      await cameraless.close();
    }
  });

  test("who reloads the page keeps the name, although the server has not forgotten them, and a host is one still", async () => {
    const page = await browser.newPage();
    const joined = (): Promise<string | undefined> =>
      page.evaluate(() => window.blindfold?.identity, null).catch(() => undefined);
    await page.goto(`${server.url}/?room=reload&auto=1`);
    const identity = await expect.poll(joined, WAIT).toBeDefined().then(joined);
    await page.evaluate(() => location.reload(), null);
    await expect.poll(joined, WAIT).toBeUndefined();
    await expect.poll(joined, WAIT).toBe(identity);
    expect(await textOf(page, "#door:not([hidden])")).toBeDefined();
    await page.close();
  });

  test("who loses the camera is told so, and others keep no picture of it", async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/?room=unplugged&name=ada#p`);
    await page.evaluate(() => {
      const { mediaDevices } = navigator;
      const open = mediaDevices.getUserMedia.bind(mediaDevices);
      mediaDevices.getUserMedia = async (wishes) => {
        const media = await open(wishes);
        const [camera] = media.getVideoTracks();
        document.addEventListener("unplug", () => {
          camera?.stop();
          camera?.dispatchEvent(new Event("ended"));
        });
        return media;
      };
      document.querySelector<HTMLButtonElement>("#join")?.click();
    }, null);
    const bo = await TestCall.join(browser, server, { room: "unplugged", name: "bo", passphrase: "p" });
    await bo.tileWhen("seen", "ada", ({ framesDecoded }) => framesDecoded > 10);
    await page.evaluate(() => void document.dispatchEvent(new Event("unplug")), null);
    await bo.tileWhen("heard alone", "ada", ({ frameWidth, totalAudioEnergy }) => {
      return frameWidth === 0 && totalAudioEnergy > 0;
    });
    const shown = await page.evaluate(() => {
      const disabled = [...document.querySelectorAll(".controls :disabled")].map(({ id }) => id);
      return { disabled, banner: document.querySelector("#banners")?.textContent };
    }, null);
    expect(shown).toEqual({
      disabled: ["camera-off"],
      banner: expect.stringContaining("camera has stopped"),
    });
    await Promise.all([page.close(), bo.close()]);
  });

  test("who is removed is told so, and does not come back by themselves, who only watches neither", async () => {
    const room = "removal";
    const [ada, bo] = [await browser.newPage(), await browser.newPage()];
    await ada.goto(`${server.url}/?room=${room}&name=ada&auto=1#p`);
    await bo.goto(`${server.url}/?room=${room}&name=bo&auto=1&watch=1#p`);
    const adasTile = '[data-identity="ada"]';
    await expect.poll(() => textOf(bo, `${adasTile}[data-picture="true"]`), WAIT).toBeDefined();
    const token = await server.token(room, "host", { roomAdmin: true });
    const headers = { authorization: `Bearer ${token}` };
    for (const [name, page] of Object.entries({ ada, bo })) {
      await fetch(`${server.url}/v1/rooms/${room}/participants/${name}`, { method: "DELETE", headers });
      await expect.poll(() => textOf(page, GOODBYE), WAIT).toBe("You have been removed from the call.");
      if (page === ada) await expect.poll(() => textOf(bo, adasTile), WAIT).toBeUndefined();
    }
    const api = new ControlApi(server.url, room, token);
    expect(await api.participants()).toEqual([]);
    await Promise.all([ada.close(), bo.close()]);
  });

  test("who is muted by the host is told so, and others see no still picture", async () => {
    const room = "hush";
    const [ada, bo] = [await browser.newPage(), await browser.newPage()];
    await ada.goto(`${server.url}/?room=${room}&name=ada&auto=1#p`);
    await bo.goto(`${server.url}/?room=${room}&name=bo&auto=1#p`);
    const picture = (): Promise<string | undefined> =>
      bo.evaluate(() => document.querySelector<HTMLElement>('[data-identity="ada"]')?.dataset.picture, null);
    await expect.poll(picture, WAIT).toBe("true");
    const api = new ControlApi(server.url, room, await server.token(room, "host", { roomAdmin: true }));
    const camera = (await api.tracks()).find(
      ({ kind, participant }) => kind === "video" && participant === "ada",
    );
    await api.mute(camera!.id);
    await expect.poll(picture, WAIT).toBe("false");
    const said = (): Promise<string | undefined> =>
      ada.evaluate(() => document.querySelector("#banner-muted span")?.textContent, null);
    await expect.poll(said, WAIT).toBe("The host has muted your camera.");
    await Promise.all([ada.close(), bo.close()]);
  });

  test("whoever begins a call is its host, and lets others in or keeps them out, who are told so", async () => {
    const [ada, bo] = [await browser.newPage(), await browser.newPage()];
    // Without a passphrase, as nobody comes by an invite link.
    await ada.goto(`${server.url}/?room=door&name=ada&auto=1`);
    await click(ada, "#call:not([hidden]) #room-lobby");
    await expect.poll(() => textOf(ada, '#room-lobby[aria-pressed="true"]'), WAIT).toBeDefined();
    const key = await ada.evaluate(() => location.hash, null);
    await bo.goto(`${server.url}/?room=door&name=bo&auto=1${key}`);
    await expect.poll(() => textOf(bo, "#waiting:not([hidden])"), WAIT).toContain("Waiting for the host");
    await click(ada, '#waiters [data-identity="bo"] [data-act="admit"]');
    for (const [page, other] of [
      [ada, "bo"],
      [bo, "ada"],
    ] as const) {
      const picture = `#call:not([hidden]) [data-identity="${other}"][data-picture="true"]`;
      await expect.poll(() => textOf(page, picture), WAIT).toBeDefined();
    }
    expect(await textOf(bo, "#door:not([hidden])")).toBeUndefined();

    await ada.evaluate(() => {
      window.confirm = () => true;
    }, null);
    await click(ada, '[data-identity="bo"] [data-act="ban"]');
    await expect.poll(() => textOf(bo, GOODBYE), WAIT).toBe("You have been banned from the call.");
    await click(bo, "#rejoin");
    await expect.poll(() => textOf(bo, "#banner-lobby span"), WAIT).toBe("You are banned from this room.");
    await Promise.all([ada.close(), bo.close()]);
  });
});
