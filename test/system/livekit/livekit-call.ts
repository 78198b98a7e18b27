/** One page with LiveKit's web SDK as a client of a server under test: joined, read, and waited for. */
import { setTimeout as delay } from "node:timers/promises";
import type { TestBrowser, TestPage } from "../support/browser.ts";
import type { TestServer } from "../support/server.ts";
import type { CallReport, JoinOptions } from "./call-page.ts";
import type { TrackReport } from "./page-report.ts";
import type { PageServer } from "./page-server.ts";

/** Two busy cores encode three layers of several people. Smaller: a slow machine fails; larger: a hang lasts longer. */
const WAIT_LIMIT_MS = 40_000;
const POLL_MS = 100;

export type CallOptions = Omit<JoinOptions, "url" | "token"> & {
  readonly room: string;
  readonly name: string;
  readonly publish?: boolean;
  readonly grants?: Parameters<TestServer["token"]>[2];
};

export class LiveKitCall {
  readonly page: TestPage;
  readonly name: string;

  private constructor(page: TestPage, name: string) {
    this.page = page;
    this.name = name;
  }

  static async join(
    browser: TestBrowser,
    pages: PageServer,
    server: TestServer,
    { room, name, publish = true, grants = {}, ...options }: CallOptions,
  ): Promise<LiveKitCall> {
    const page = await browser.newPage();
    await page.goto(pages.url);
    const call = new LiveKitCall(page, name);
    const token = await server.token(room, name, grants);
    const url = server.url.replace("http", "ws");
    await page.evaluate(async (join) => await window.call.join(join), { url, token, ...options });
    if (publish) {
      await page.evaluate(
        async () => await window.call.room.localParticipant.enableCameraAndMicrophone(),
        null,
      );
    }
    return call;
  }

  report(): Promise<CallReport> {
    return this.page.evaluate(async () => await window.call.report(), null);
  }

  /** Waits until `is` holds of a remote track. */
  track(
    what: string,
    identity: string,
    kind: "audio" | "video",
    is: (track: TrackReport) => boolean,
  ): Promise<TrackReport> {
    return this.until(`${what} of ${identity}`, ({ tracks }) =>
      tracks.find((track) => track.identity === identity && track.kind === kind && is(track)),
    );
  }

  /** Waits until somebody is seen and heard, from now on: sections that have carried them or others have counted before. */
  async seesAndHears(identity: string): Promise<void> {
    const isThere = ({ subscribed }: TrackReport): boolean => subscribed;
    const [video, audio] = await Promise.all([
      this.track("video", identity, "video", isThere),
      this.track("audio", identity, "audio", isThere),
    ]);
    await this.track("moving picture", identity, "video", ({ ssrc, framesDecoded }) => {
      return framesDecoded > (ssrc === video.ssrc ? video.framesDecoded : 0) + 5;
    });
    await this.track("sound", identity, "audio", ({ ssrc, audioEnergy }) => {
      return audioEnergy > (ssrc === audio.ssrc ? audio.audioEnergy : 0);
    });
  }

  async until<T>(what: string, probe: (report: CallReport) => T | undefined | false): Promise<T> {
    for (const endMs = Date.now() + WAIT_LIMIT_MS; ; ) {
      const report = await this.report();
      const value = probe(report);
      if (value !== undefined && value !== false) return value;
      if (Date.now() > endMs) {
        const log = this.page.console.slice(-40).join("\n");
        throw new Error(`${this.name} has no ${what} in time: ${JSON.stringify(report, null, 1)}\n${log}`);
      }
      await delay(POLL_MS);
    }
  }

  /** Leaves, and closes the page. */
  async close(): Promise<void> {
    await this.leave();
    await this.page.close();
  }

  async leave(): Promise<void> {
    await this.page.evaluate(async () => await window.call.room.disconnect(), null);
  }
}
