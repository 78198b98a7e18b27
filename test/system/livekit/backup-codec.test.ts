/**
 * Goal: LiveKit's web SDK publishes its backup codec when somebody comes who can not decode the first, who then sees; and
 * as its policy says, the others stay with the first or change to the second, while the first is not encoded any more.
 * Method: publishers of VP9 in Chromium, and a viewer whose browser says that it takes only VP8.
 */
import { setTimeout as delay } from "node:timers/promises";
import { BackupCodecPolicy } from "@livekit/protocol";
import { describe, expect, test } from "vitest";
import { ControlApi } from "../support/control-api.ts";
import { requireProgram } from "../support/programs.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { Stage } from "./stage.ts";

const WAIT_LIMIT_MS = 40_000;
/** Two encoders and two decoders of one picture keep two busy cores at work. */
const TEST_LIMIT_MS = 120_000;

describe.skipIf(!requireProgram("chromium"))("a backup codec", () => {
  const stage = Stage.use();

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    for (const endMs = Date.now() + WAIT_LIMIT_MS; !(await is()); await delay(200)) {
      if (Date.now() > endMs) throw new Error(`no ${what} in time`);
    }
  }

  test.each([
    ["one PeerConnection, the others change to it", true, BackupCodecPolicy.PREFER_REGRESSION, "VP8"],
    ["two PeerConnections, the others change to it", false, BackupCodecPolicy.REGRESSION, "VP8"],
    ["one PeerConnection, the others stay", true, BackupCodecPolicy.SIMULCAST, "VP9"],
  ] as const)(
    "%s",
    async (room, single, backupCodecPolicy, codec) => {
      const join = (name: string, options: object): Promise<LiveKitCall> =>
        stage.join({
          room,
          name,
          single,
          publish: false,
          ...options,
        });
      const api = new ControlApi(
        stage.server.url,
        room,
        await stage.server.token(room, "operator", { roomAdmin: true }),
      );
      const videoOf = async () => (await api.tracks()).find(({ kind }) => kind === "video")!;
      const codecOf = async (name: string): Promise<string | null> =>
        (await api.subscriptions()).find(({ subscriber, kind }) => subscriber === name && kind === "video")
          ?.codec ?? null;

      const ada = await join("ada", { publish: true, codec: "vp9", backupCodecPolicy });
      const cy = await join("cy", {});
      await cy.seesAndHears("ada");
      expect([await codecOf("cy"), (await videoOf()).backup]).toEqual(["VP9", null]);

      const bo = await join("bo", { takesOnlyVp8: true });
      await bo.seesAndHears("ada");
      expect(await codecOf("bo")).toBe("VP8");
      await until(`${codec} for cy`, async () => (await codecOf("cy")) === codec);
      await cy.seesAndHears("ada");
      expect((await bo.report()).tracks.map(({ kind }) => kind).sort()).toEqual(["audio", "video"]);

      const isEncoded = async (): Promise<boolean> =>
        (await videoOf()).layers!.some(({ bitrateBps }) => bitrateBps > 0);
      await until(
        `encoding of VP9: ${codec === "VP9"}`,
        async () => (await isEncoded()) === (codec === "VP9"),
      );

      // Nobody who needs it: whoever can decode the first goes on to see.
      await bo.close();
      await cy.seesAndHears("ada");
      await Promise.all([ada.close(), cy.close()]);
    },
    TEST_LIMIT_MS,
  );
});
