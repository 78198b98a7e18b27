/**
 * Goal: LiveKit's own test of a connection, which its users are asked to run, finds nothing wrong with this server.
 * Method: each check of `ConnectionCheck` of the web SDK in Chromium. That of TURN is in `turn.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { requireProgram } from "../support/programs.ts";
import type { CheckName, CheckReport } from "./call-page.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { Stage } from "./stage.ts";

/** What is so in a test on loopback, and no fault. */
const EXPECTED_WARNINGS = [/Server is insecure/, /bandwidth limited|cpu limited/];

describe.skipIf(!requireProgram("chromium"))("LiveKit's connection check", () => {
  const stage = Stage.use();

  async function check(name: CheckName): Promise<CheckReport> {
    const page = await stage.browser.newPage();
    await page.goto(stage.pages.url);
    const token = await stage.server.token(name, "ada");
    const url = stage.server.url.replace("http", "ws");
    const report = await page.evaluate((what) => window.call.check(what.name, what), { name, url, token });
    await page.close();
    return report;
  }

  // Side by side, for most of a check is waiting: five at a time, so the longest comes first.
  test.concurrent.each<CheckName>([
    "checkConnectionProtocol",
    "checkWebsocket",
    "checkWebRTC",
    "checkReconnect",
    "checkPublishAudio",
    "checkPublishVideo",
  ])("%s succeeds, and warns of nothing", async (name) => {
    const { status, logs } = await check(name);
    const warnings = logs.filter((line) => !line.startsWith("info: "));
    const unexpected = warnings.filter((line) => !EXPECTED_WARNINGS.some((known) => known.test(line)));
    expect({ status, unexpected }).toEqual({ status: "SUCCESS", unexpected: [] });
  });

  test("a client that asks for TCP comes back over it, and is seen and heard", async () => {
    const room = "forced";
    const ada = await stage.join({ room, name: "ada" });
    const bo = await stage.join({ room, name: "bo" });
    await bo.seesAndHears("ada");
    await ada.page.evaluate(() => window.call.room.simulateScenario("force-tcp"), null);
    await ada.until("reconnect", ({ events }) => events.includes("reconnected"));
    await bo.seesAndHears("ada");
    const pathsOf = (call: LiveKitCall): Promise<string[]> =>
      call.page.evaluate(() => window.call.paths(), null);
    expect(await pathsOf(ada)).toEqual([expect.stringMatching(/ tcp$/)]);
    expect(await pathsOf(bo)).toEqual([expect.stringMatching(/ udp$/)]);
    await Promise.all([ada.close(), bo.close()]);
  });
});
