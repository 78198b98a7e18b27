/** The test call's page as a client of a server under test: joined, read, and waited for. */
import { setTimeout as delay } from "node:timers/promises";
import type { LayerChoice, TileReport } from "../../../src/http/test-call/tile.ts";
import type { TestBrowser, TestPage } from "./browser.ts";
import type { TestServer } from "./server.ts";

/** Two busy cores encode three layers of several people. Smaller: a slow machine fails; larger: a hang lasts longer. */
const WAIT_LIMIT_MS = 40_000;
const POLL_MS = 200;

export interface CallOptions {
  readonly room: string;
  readonly name: string;
  readonly codec?: "VP8" | "VP9" | "H264" | "AV1";
  readonly passphrase?: string;
  /** Without camera and microphone. */
  readonly watch?: boolean;
  /** Asks for pictures in the size of their tiles, and not for the largest. */
  readonly fit?: boolean;
}

export class TestCall {
  readonly #page: TestPage;

  private constructor(page: TestPage) {
    this.#page = page;
  }

  static async join(browser: TestBrowser, { url }: TestServer, options: CallOptions): Promise<TestCall> {
    const { room, name, codec = "VP8", passphrase = "correct horse", watch = false, fit = false } = options;
    const page = await browser.newPage();
    const flags = { auto: "1", watch: watch ? "1" : "0", fit: fit ? "1" : "0" };
    const query = new URLSearchParams({ room, name, codec, ...flags });
    await page.goto(`${url}/?${query}#${encodeURIComponent(passphrase)}`);
    const call = new TestCall(page);
    await call.until("joined", () => call.#page.evaluate(() => window.blindfold !== undefined, null));
    return call;
  }

  /** What the page measures of one participant now, itself included. */
  async tile(identity: string): Promise<TileReport | undefined> {
    const tiles = await this.#page.evaluate(() => window.blindfold?.tiles() ?? [], null);
    return tiles.find((tile) => tile.identity === identity);
  }

  /** Waits for a tile of which `is` holds. */
  tileWhen(what: string, identity: string, is: (tile: TileReport) => boolean): Promise<TileReport> {
    return this.until(what, async () => {
      const tile = await this.tile(identity);
      return tile !== undefined && is(tile) ? tile : undefined;
    });
  }

  /** Errors, warnings, and whatever else the browser wrote since the page was opened. */
  get console(): readonly string[] {
    return this.#page.console;
  }

  /** What the person chooses in the tile of a participant. */
  setLayers(identity: string, choice: LayerChoice): Promise<void> {
    return this.#page
      .evaluate(({ of, layers }) => window.blindfold?.setLayers(of, layers), { of: identity, layers: choice })
      .then(() => {});
  }

  /** Leaves, and closes the page. */
  async close(): Promise<void> {
    await this.leave();
    await this.#page.close();
  }

  leave(): Promise<void> {
    return this.#page.evaluate(() => window.blindfold?.leave(), null).then(() => {});
  }

  /** Resolves with what `probe` gives once that is neither undefined nor false. */
  async until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    for (const endMs = Date.now() + WAIT_LIMIT_MS; ; ) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (Date.now() > endMs) throw new Error(`not ${what} in time; the page says: ${await this.#report()}`);
      await delay(POLL_MS);
    }
  }

  async #report(): Promise<string> {
    const tiles = await this.#page.evaluate(() => window.blindfold?.tiles() ?? [], null);
    return `${JSON.stringify(tiles)} ${this.#page.console.join("\n")}`;
  }
}
