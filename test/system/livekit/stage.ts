/** What a test of LiveKit's web SDK needs: a server, a browser, and the pages that it opens. */
import { afterAll, beforeAll } from "vitest";
import type { TestBrowser } from "../support/browser.ts";
import { type ChromiumOptions, launchChromium } from "../support/chromium.ts";
import { launchFirefox } from "../support/firefox.ts";
import { type Environment, startServer, type TestServer } from "../support/server.ts";
import { BROWSER, SDK } from "./client.ts";
import { type CallOptions, LiveKitCall } from "./livekit-call.ts";
import { type PageServer, servePage } from "./page-server.ts";

export class Stage {
  server!: TestServer;
  browser!: TestBrowser;
  pages!: PageServer;

  /** Set up before the tests of the block that calls it, and taken down after them: its members are there in between. */
  static use(env: Environment = {}, chromium: ChromiumOptions = {}): Stage {
    const stage = new Stage();
    beforeAll(async () => {
      [stage.server, stage.browser, stage.pages] = await Promise.all([
        startServer(env),
        BROWSER === "firefox" ? launchFirefox() : launchChromium(chromium),
        servePage(SDK),
      ]);
    });
    afterAll(async () => {
      await stage.browser?.close();
      await stage.pages?.close();
      await stage.server?.stop();
    });
    return stage;
  }

  /** A page of its own that joins. */
  join(options: CallOptions): Promise<LiveKitCall> {
    return LiveKitCall.join(this.browser, this.pages, this.server, options);
  }
}
