/**
 * Goal: what the whole-system tests stand on works here: each browser opens a page, has a fake camera and microphone,
 * and gets media through DTLS and SRTP over loopback.
 * Method: two peer connections in one page, no server between them; a test of Blindfold that fails while these pass
 * has found a fault of Blindfold.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BrowserName, TestBrowser, TestPage } from "./browser.ts";
import { launchChromium } from "./chromium.ts";
import { launchFirefox } from "./firefox.ts";
import { requireProgram } from "./programs.ts";

const BROWSERS: readonly (readonly [BrowserName, () => Promise<TestBrowser>])[] = [
  ["chromium", launchChromium],
  ["firefox", launchFirefox],
];

let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>loopback</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Only "localhost" and loopback addresses are secure contexts without TLS, and only those have a camera.
  url = `http://localhost:${(server.address() as AddressInfo).port}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe.each(BROWSERS)("%s", (name, launch) => {
  describe.skipIf(!requireProgram(name))("on this machine", () => {
    let browser: TestBrowser;
    let page: TestPage;

    beforeAll(async () => {
      browser = await launch();
      page = await browser.newPage();
      await page.goto(url);
    });

    afterAll(() => browser?.close());

    test("passes values in and out", async () => {
      expect(
        await page.evaluate(async ({ a, b }) => ({ sum: a + b, at: location.pathname }), { a: 2, b: 3 }),
      ).toEqual({
        sum: 5,
        at: "/",
      });
      expect(await page.evaluate((text) => text, 'quotes " and \u2028')).toBe('quotes " and \u2028');
      expect(await page.evaluate(() => undefined, null)).toBe(undefined);
    });

    test("reports what a page throws", async () => {
      const broken = page.evaluate(() => Promise.reject(new Error("broken in the page")), null);
      await expect(broken).rejects.toThrow("broken in the page");
    });

    test("keeps the console", async () => {
      await page.evaluate(() => console.log("said in the page"), null);
      await expect.poll(() => page.console).toContain("said in the page");
    });

    test("sends fake video and audio through two peer connections", async () => {
      const received = await page.evaluate(callOneself, { frames: 5, limitMs: 30_000 });
      expect(received.frames).toBeGreaterThanOrEqual(5);
      expect(received.audioPackets).toBeGreaterThan(0);
    });
  });
});

/** Runs in the page: resolves when `frames` video frames have been decoded, or with what there is after `limitMs`. */
async function callOneself({ frames, limitMs }: { frames: number; limitMs: number }) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const [caller, callee] = [new RTCPeerConnection(), new RTCPeerConnection()];
  caller.onicecandidate = ({ candidate }) => candidate && callee.addIceCandidate(candidate);
  callee.onicecandidate = ({ candidate }) => candidate && caller.addIceCandidate(candidate);
  for (const track of stream.getTracks()) caller.addTrack(track, stream);
  await caller.setLocalDescription();
  await callee.setRemoteDescription(caller.localDescription!);
  await callee.setLocalDescription();
  await caller.setRemoteDescription(callee.localDescription!);

  const received = { frames: 0, audioPackets: 0 };
  for (const end = Date.now() + limitMs; Date.now() < end; await new Promise((r) => setTimeout(r, 100))) {
    for (const report of (await callee.getStats()).values()) {
      if (report.type === "inbound-rtp" && report.kind === "video")
        received.frames = report.framesDecoded ?? 0;
      if (report.type === "inbound-rtp" && report.kind === "audio")
        received.audioPackets = report.packetsReceived;
    }
    if (received.frames >= frames && received.audioPackets > 0) break;
  }
  for (const track of stream.getTracks()) track.stop();
  caller.close();
  callee.close();
  return received;
}
