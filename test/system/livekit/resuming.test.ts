/**
 * Goal: who has no signal connection is seen and heard all the same, and sees; and what is done to it in the meantime holds
 * when it is back: a mute, and the end of a track.
 * Method: a page with LiveKit's web SDK that can not make a new signal connection until the operator has acted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RoomServiceClient, TrackSource } from "livekit-server-sdk";
import { describe, expect, test } from "vitest";
import { ControlApi } from "../support/control-api.ts";
import { requireProgram } from "../support/programs.ts";
import { BROWSER } from "./client.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { Stage } from "./stage.ts";

const DEVELOPMENT_PAIR = ["devkey", "development-secret-known-to-everyone"] as const;
const WAIT_LIMIT_MS = 40_000;

describe.skipIf(!requireProgram(BROWSER))("who comes back", () => {
  const stage = Stage.use();

  /** Cuts ada's signal connection, and lets no other be made before `act` is done. */
  async function away(ada: LiveKitCall, act: () => Promise<void>): Promise<void> {
    await ada.page.evaluate(() => {
      const { WebSocket: Online } = window;
      (window as unknown as { online: typeof WebSocket }).online = Online;
      // Nobody listens there.
      window.WebSocket = class extends Online {
        constructor() {
          super("ws://127.0.0.1:9/");
        }
      };
      window.call.cut();
    }, null);
    await ada.until("loss", ({ events }) => events.includes("signalReconnecting"));
    await act();
    await ada.page.evaluate(() => {
      window.WebSocket = (window as unknown as { online: typeof WebSocket }).online;
    }, null);
    await ada.until("resume", ({ events }) => events.includes("reconnected"));
  }

  test.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("on %s is muted, and has lost what it may not publish any more", async (room, single) => {
    const join = (name: string): Promise<LiveKitCall> =>
      stage.join({ room, name, single, passphrase: "correct horse" });
    const api = new ControlApi(
      stage.server.url,
      room,
      await stage.server.token(room, "operator", { roomAdmin: true }),
    );
    const rooms = new RoomServiceClient(stage.server.url, ...DEVELOPMENT_PAIR);
    const ada = await join("ada");
    const bo = await join("bo");
    await bo.seesAndHears("ada");
    const { sid } = await ada.report();
    const own = (await api.tracks()).filter(({ participant }) => participant === "ada");
    const microphone = own.find(({ kind }) => kind === "audio")!;

    await away(ada, async () => {
      await Promise.all([bo.seesAndHears("ada"), ada.seesAndHears("bo")]);
      await api.mute(microphone.id);
      await rooms.updateParticipant(room, "ada", {
        permission: { canPublish: true, canSubscribe: true, canPublishSources: [TrackSource.MICROPHONE] },
      });
    });
    await ada.until("end of its video", ({ events }) => events.includes("localTrackUnpublished"));
    const isMuted = (): Promise<boolean> =>
      ada.page.evaluate(() => !window.call.room.localParticipant.isMicrophoneEnabled, null);
    for (const endMs = Date.now() + WAIT_LIMIT_MS; !(await isMuted()); await delay(100)) {
      if (Date.now() > endMs) throw new Error("ada was not muted in time");
    }
    // Nor does it take back by itself what was done.
    await delay(1_000);
    const [left, ...others] = (await api.tracks()).filter(({ participant }) => participant === "ada");
    expect([left?.id, left?.muted, others]).toEqual([microphone.id, true, []]);
    const seen = (await bo.report()).tracks.filter(({ identity }) => identity === "ada");
    expect(seen.map(({ kind, muted }) => [kind, muted])).toEqual([["audio", true]]);
    expect((await ada.report()).sid).toBe(sid);
    await Promise.all([ada.close(), bo.close()]);
  });
});
