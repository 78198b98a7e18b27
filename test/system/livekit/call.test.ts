/**
 * Goal: LiveKit's web SDK, as it comes from npm, is a client of this server.
 * Method: pages with the SDK's own bundle against a server in a process of its own; in which browser, client.ts says.
 */
import { afterEach, describe, expect, test } from "vitest";
import { requireProgram } from "../support/programs.ts";
import { BROWSER } from "./client.ts";
import type { CallOptions, LiveKitCall } from "./livekit-call.ts";
import type { TrackReport } from "./page-report.ts";
import { Stage } from "./stage.ts";

describe.skipIf(!requireProgram(BROWSER))("LiveKit's web SDK", () => {
  const stage = Stage.use();

  const join = (options: CallOptions): Promise<LiveKitCall> => stage.join(options);

  describe.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("%s", (title, single) => {
    let ada: LiveKitCall;
    let bo: LiveKitCall;

    const roomOf = (name: string): string => `${name} over ${title}`;

    async function both(name: string, options: Partial<CallOptions> = {}): Promise<void> {
      const room = roomOf(name);
      ada = await join({ room, name: "ada", single, ...options });
      bo = await join({ room, name: "bo", single, ...options });
      await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
    }

    afterEach(async () => {
      await Promise.all([ada?.close(), bo?.close()]);
    });

    test("two see and hear each other, and one is seen to leave", async () => {
      await both("a call");
      await ada.leave();
      await bo.until("sight of ada's leaving", ({ remotes }) => remotes.length === 0);
    });

    test("sealed end to end: who has the key sees and hears, who has another gets nothing", async () => {
      await both("sealed", { passphrase: "correct horse" });
      const room = roomOf("sealed");
      const mallory = await join({ room, name: "mallory", single, publish: false, passphrase: "wrong" });
      await mallory.until("failure to decrypt", ({ events }) => events.includes("encryptionError"));
      const { tracks } = await mallory.report();
      expect(tracks).toHaveLength(4);
      for (const { subscribed, encrypted, framesDecoded, audioEnergy } of tracks) {
        expect({ subscribed, encrypted, framesDecoded, audioEnergy }).toEqual({
          subscribed: true,
          encrypted: true,
          framesDecoded: 0,
          audioEnergy: 0,
        });
      }
      await mallory.close();
    });

    test("the picture follows the size at which it is shown", async () => {
      await both("adaptive", { adaptiveStream: true, large: true, passphrase: "correct horse" });
      const wide = await bo.track("wide picture", "ada", "video", ({ frameWidth }) => frameWidth === 1280);
      await bo.page.evaluate((sid) => window.call.resize(sid, 200, 112), wide.sid);
      await bo.track("small picture", "ada", "video", ({ frameWidth }) => frameWidth === 320);
      await bo.page.evaluate((sid) => window.call.resize(sid, 1280, 720), wide.sid);
      await bo.track("wide picture again", "ada", "video", ({ frameWidth }) => frameWidth === 1280);
    });

    test("mute is seen, and media comes back after it", async () => {
      await both("mute");
      await ada.page.evaluate(async () => {
        await window.call.room.localParticipant.setCameraEnabled(false);
        await window.call.room.localParticipant.setMicrophoneEnabled(false);
      }, null);
      await bo.track("mute", "ada", "video", ({ muted }) => muted);
      await bo.track("mute", "ada", "audio", ({ muted }) => muted);
      await ada.page.evaluate(async () => {
        await window.call.room.localParticipant.setCameraEnabled(true);
        await window.call.room.localParticipant.setMicrophoneEnabled(true);
      }, null);
      const { framesDecoded } = await bo.track("picture", "ada", "video", ({ muted }) => !muted);
      await bo.track("moving picture", "ada", "video", (track) => track.framesDecoded > framesDecoded + 5);
    });

    test("who unsubscribes gets nothing, and all of it again when subscribing", async () => {
      await both("choosy");
      const { sid } = await bo.track("picture", "ada", "video", ({ subscribed }) => subscribed);
      const subscribe = (wanted: boolean): Promise<void> =>
        bo.page.evaluate(
          ([id, subscribed]) => {
            const ada = window.call.room.remoteParticipants.get("ada")!;
            const publication = ada.trackPublications.get(id as string)!;
            (publication as unknown as { setSubscribed(on: boolean): void }).setSubscribed(
              subscribed as boolean,
            );
          },
          [sid, wanted],
        );
      for (let round = 0; round < 3; round++) {
        await subscribe(false);
        await bo.track("silence", "ada", "video", ({ subscribed }) => !subscribed);
        await subscribe(true);
        await bo.seesAndHears("ada");
      }
    });

    test("what is published again is seen again, and two videos at once", async () => {
      await both("again");
      for (let round = 0; round < 3; round++) {
        await ada.page.evaluate(async () => {
          const { localParticipant } = window.call.room;
          for (const { track } of [...localParticipant.videoTrackPublications.values()]) {
            await localParticipant.unpublishTrack(track!);
          }
        }, null);
        await bo.until("sight of no video", ({ tracks }) => tracks.every(({ kind }) => kind !== "video"));
        await ada.page.evaluate(async () => {
          await window.call.room.localParticipant.setCameraEnabled(true);
        }, null);
        await bo.seesAndHears("ada");
      }
      await ada.page.evaluate(async () => await window.call.publishScreen(), null);
      const isScreen = ({ source }: TrackReport): boolean => source === "screen_share";
      await bo.track("screen", "ada", "video", (track) => isScreen(track) && track.framesDecoded > 5);
      await bo.track("camera", "ada", "video", (track) => !isScreen(track) && track.framesDecoded > 5);
    });

    test.each([
      ["in the clear", {}],
      ["sealed", { passphrase: "correct horse" }],
    ])("data %s: to all, to one, reliable and not, long streams, calls", async (seal, options) => {
      await both(`data ${seal}`, options);
      const cy = await join({ room: roomOf(`data ${seal}`), name: "cy", single, publish: false, ...options });
      await bo.until("sight of cy", ({ remotes }) => remotes.includes("cy"));
      await bo.page.evaluate(async () => {
        const { localParticipant } = window.call.room;
        const send = (text: string, options: object): Promise<void> =>
          localParticipant.publishData(new TextEncoder().encode(text), options);
        await send("all", { reliable: true, topic: "t" });
        await send("lossy", { reliable: false, topic: "t" });
        await send("one", { reliable: true, topic: "t", destinationIdentities: ["ada"] });
        await localParticipant.sendText("x".repeat(300_000), { topic: "long" });
      }, null);
      const said = ["bo t: all", "bo t: lossy", "bo t: one", "bo long: 300000 1"];
      await ada.until("data", ({ heard }) => said.every((one) => heard.includes(one)));
      await cy.until("data", ({ heard }) => heard.includes("bo long: 300000 1"));
      // The web SDK seals whom it means together with what it says, so the server has to send that to everybody.
      if (seal === "in the clear") expect((await cy.report()).heard).not.toContain("bo t: one");
      await bo.page.evaluate(async () => {
        const track = await window.call.room.localParticipant.publishDataTrack({ name: "sensor" });
        // A subscriber has to have heard of it, and we of the subscriber.
        for (let n = 0; n < 20; n++) {
          track.tryPush({ payload: new TextEncoder().encode("warm") });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }, null);
      await ada.until("data track", ({ heard }) => heard.includes("sensor: warm"));
      await cy.until("data track", ({ heard }) => heard.includes("sensor: warm"));
      const echo = await bo.page.evaluate(
        async () =>
          await window.call.room.localParticipant.performRpc({
            destinationIdentity: "ada",
            method: "echo",
            payload: "hello",
          }),
        null,
      );
      expect(echo).toBe("bo hello");
      await cy.close();
    });

    test("a cut signal connection is taken up again, while media goes on", async () => {
      await both("cut");
      const { sid } = await ada.report();
      const before = await bo.track("picture", "ada", "video", () => true);
      await ada.page.evaluate(() => window.call.cut(), null);
      await ada.until(
        "resume",
        ({ events }) => events.includes("signalReconnecting") && events.includes("reconnected"),
      );
      expect((await ada.report()).sid).toBe(sid);
      await bo.track(
        "moving picture",
        "ada",
        "video",
        (track) => track.framesDecoded > before.framesDecoded + 20,
      );
      await bo.page.evaluate(() => window.call.cut(), null);
      await bo.until("resume", ({ events }) => events.includes("reconnected"));
      // What happens while a client is away is there when it is back.
      await ada.page.evaluate(async () => await window.call.publishScreen(), null);
      await bo.track("screen", "ada", "video", ({ source, framesDecoded }) => {
        return source === "screen_share" && framesDecoded > 5;
      });
      expect((await bo.report()).events).not.toContain("disconnected");
    });

    test("a full reconnect brings everything back under a new name", async () => {
      await both("restart", { passphrase: "correct horse" });
      const { sid } = await ada.report();
      await ada.page.evaluate(async () => await window.call.room.simulateScenario("full-reconnect"), null);
      await ada.until("reconnect", ({ events, sid: now }) => events.includes("reconnected") && now !== sid);
      await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
    });

    test("who is removed is told, and others see it", async () => {
      await both("removal");
      const room = roomOf("removal");
      const admin = await stage.server.token(room, "admin", { roomAdmin: true });
      const url = `${stage.server.url}/v1/rooms/${encodeURIComponent(room)}/participants/ada`;
      const reply = await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${admin}` } });
      expect(reply.status).toBe(204);
      await ada.until("end", ({ state }) => state === "disconnected");
      await bo.until("sight of ada's leaving", ({ remotes }) => remotes.length === 0);
    });
  });
});
