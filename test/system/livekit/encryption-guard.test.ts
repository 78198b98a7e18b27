/**
 * Goal: the guard never suspects LiveKit's clients while they encrypt, in any codec and in either SDK, and finds and cuts
 * them within seconds when they do not.
 * Method: sealed calls in Chromium and from LiveKit's Rust core; and clients that send in the clear what they have
 * announced as encrypted: one from the middle of a call on, the other from its start.
 */
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ControlApi } from "../support/control-api.ts";
import { requireProgram } from "../support/programs.ts";
import { FalseClaims } from "./false-claims.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { NativeCaller } from "./native-caller.ts";
import { Stage } from "./stage.ts";

const PASSPHRASE = "correct horse";
/** Suspicion is a matter of a few seconds; the rest is for slow machines. */
const WAIT_LIMIT_MS = 40_000;
/** Looks at sealed frames before a call counts as watched: of sound and of every encoding, the first 64 are all looked at. */
const ENOUGH_LOOKS = 300;

describe.skipIf(!requireProgram("chromium"))("the encryption guard", () => {
  const stage = Stage.use({ BLINDFOLD_ROOMS_E2EE: "required", BLINDFOLD_ROOMS_E2EE_GUARD: "cut" });

  const join = (room: string, name: string, options: object = {}): Promise<LiveKitCall> =>
    stage.join({ room, name, passphrase: PASSPHRASE, ...options });

  const metric = async (name: string): Promise<number> => (await stage.server.metrics()).get(name) ?? 0;
  const sealedLooks = (): Promise<number> => metric('blindfold_guarded_frames_total{looks="sealed"}');
  const plainLooks = (): Promise<number> => metric('blindfold_guarded_frames_total{looks="plain"}');
  const cuts = (): Promise<number> => metric('blindfold_suspect_tracks_total{outcome="cut"}');

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    for (const endMs = Date.now() + WAIT_LIMIT_MS; !(await is()); await delay(100)) {
      if (Date.now() > endMs) throw new Error(`no ${what} in time`);
    }
  }

  async function tracksOf(room: string, identity: string): Promise<readonly { suspect: boolean }[]> {
    const api = new ControlApi(
      stage.server.url,
      room,
      await stage.server.token(room, "operator", { roomAdmin: true }),
    );
    return (await api.tracks()).filter(({ participant }) => participant === identity);
  }

  test.each(["vp8", "vp9", "h264"] as const)("leaves a sealed call in %s alone", async (codec) => {
    const before = { looks: await sealedLooks(), cuts: await cuts() };
    const ada = await join(codec, "ada", { codec });
    const bo = await join(codec, "bo", { codec });
    await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
    await until("looks enough", async () => (await sealedLooks()) > before.looks + ENOUGH_LOOKS);
    for (const name of ["ada", "bo"]) {
      expect((await tracksOf(codec, name)).map(({ suspect }) => suspect)).toEqual([false, false]);
    }
    expect({ plain: await plainLooks(), cuts: await cuts() }).toEqual({ plain: 0, cuts: before.cuts });
    await Promise.all([ada.close(), bo.close()]);
  });

  test("leaves LiveKit's Rust core alone", async () => {
    const before = { looks: await sealedLooks(), plain: await plainLooks(), cuts: await cuts() };
    const native = await NativeCaller.join(stage.server, "native", "native", PASSPHRASE);
    try {
      await native.publish();
      await until("looks enough", async () => (await sealedLooks()) > before.looks + 128);
      expect({ plain: await plainLooks(), cuts: await cuts() }).toEqual({
        plain: before.plain,
        cuts: before.cuts,
      });
      expect((await tracksOf("native", "native")).map(({ suspect }) => suspect)).toEqual([false, false]);
    } finally {
      await native.leave();
    }
  });

  test("cuts LiveKit's Rust core when it sends in the clear", async () => {
    const before = await cuts();
    const claims = await FalseClaims.about(stage.server);
    // It cannot be told to stop sealing: whether it then sends in the clear or nothing at all is chance (a flag that
    // libwebrtc's `KeyProviderOptions` does not copy).
    const native = await NativeCaller.join(claims, "claimed", "native");
    try {
      await native.publish();
      await until("cut of both tracks", async () => (await cuts()) === before + 2);
      expect(await tracksOf("claimed", "native")).toEqual([]);
    } finally {
      await native.leave();
      await claims.close();
    }
  });

  test("cuts a web client that sends in the clear, which hears of it", async () => {
    const before = await cuts();
    const ada = await join("clear", "ada");
    const bo = await join("clear", "bo", { publish: false });
    await bo.seesAndHears("ada");
    await ada.page.evaluate(() => {
      const { e2eeManager } = window.call.room as unknown as {
        e2eeManager: { postEnable(enabled: boolean, identity: string): void };
      };
      e2eeManager.postEnable(false, "ada");
    }, null);
    await ada.until("word of the cuts", ({ events }) => {
      return events.filter((name) => name === "localTrackUnpublished").length === 2;
    });
    await bo.until("end of the tracks", ({ tracks }) => tracks.length === 0);
    expect(await tracksOf("clear", "ada")).toEqual([]);
    expect(await cuts()).toBe(before + 2);
    await Promise.all([ada.close(), bo.close()]);
  });
});
