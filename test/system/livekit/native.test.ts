/**
 * Goal: LiveKit's Rust core, which its SDKs for Python, Node, C++ and Unity share, is a client of this server, and seals
 * its media so that the web SDK can open it and the reverse.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RoomEvent, SimulateScenarioKind } from "@livekit/rtc-node";
import { RoomServiceClient } from "livekit-server-sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireProgram } from "../support/programs.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { NativeCaller } from "./native-caller.ts";
import { Stage } from "./stage.ts";

const WAIT_LIMIT_MS = 40_000;
const FILE_BYTES = 2_000_000;

describe.skipIf(!requireProgram("chromium"))("LiveKit's Rust core", () => {
  const stage = Stage.use();

  async function until(what: string, is: () => boolean): Promise<void> {
    for (const endMs = Date.now() + WAIT_LIMIT_MS; !is(); await delay(100)) {
      if (Date.now() > endMs) throw new Error(`not ${what} in time`);
    }
  }

  /** From now on. */
  async function hearsAndSees({ received }: NativeCaller): Promise<void> {
    const { frames, loudSamples } = received;
    await until(`hearing and seeing more than ${JSON.stringify(received)}`, () => {
      return received.frames > frames + 10 && received.loudSamples > loudSamples + 10;
    });
  }

  test.each([
    ["in the clear", undefined],
    ["sealed end to end", "correct horse"],
  ])("and the web SDK see and hear each other, %s", async (title, passphrase) => {
    const sealed = passphrase === undefined ? {} : { passphrase };
    const web = await stage.join({
      room: title,
      name: "web",
      ...sealed,
    });
    const native = await NativeCaller.join(stage.server, title, "native", passphrase);
    await native.publish();
    await Promise.all([web.seesAndHears("native"), hearsAndSees(native)]);
    for (const { encrypted } of (await web.report()).tracks) expect(encrypted).toBe(passphrase !== undefined);
    await native.leave();
    await web.until("sight of native's leaving", ({ remotes }) => remotes.length === 0);
    await web.leave();
  });

  describe("in a sealed call with the web SDK", () => {
    let web: LiveKitCall;
    let native: NativeCaller;

    beforeAll(async () => {
      const sealed = { room: "sealed", passphrase: "correct horse" };
      web = await stage.join({ ...sealed, name: "web" });
      native = await NativeCaller.join(stage.server, sealed.room, "native", sealed.passphrase);
      await native.publish();
      await Promise.all([web.seesAndHears("native"), hearsAndSees(native)]);
    });

    afterAll(async () => {
      await native?.leave();
      await web?.close();
    });

    test("files of 2 MB go both ways", async () => {
      const bytes = Uint8Array.from({ length: FILE_BYTES }, (_, i) => i % 256);
      const said = `file: ${FILE_BYTES} ${bytes.reduce((sum, byte) => sum + byte, 0)}`;
      await Promise.all([
        native.sendFile(bytes),
        web.page.evaluate(async (size) => await window.call.sendFile(size), FILE_BYTES),
      ]);
      await web.until("native's file", ({ heard }) => heard.includes(`native ${said}`));
      await until("web's file", () => native.files.includes(`web ${said}`));
    });

    test("each calls the other's methods", async () => {
      const call = { method: "echo", payload: "hello" };
      const { localParticipant } = native.room;
      expect(await localParticipant!.performRpc({ ...call, destinationIdentity: "web" })).toBe(
        "native hello",
      );
      const answer = await web.page.evaluate(
        async (to) => {
          return await window.call.room.localParticipant.performRpc(to);
        },
        { ...call, destinationIdentity: "native" },
      );
      expect(answer).toBe("web hello");
    });

    test("what either publishes again is seen again", async () => {
      for (let round = 0; round < 3; round++) {
        await native.unpublish();
        await web.until("end of native's tracks", ({ tracks }) => tracks.length === 0);
        await native.publish();
        await web.seesAndHears("native");
        await web.page.evaluate(async () => await window.call.republish(), null);
        await hearsAndSees(native);
      }
    });

    test.each([
      ["resume", SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT],
      ["full reconnect", SimulateScenarioKind.SIMULATE_FULL_RECONNECT],
    ])("after a %s all is there", async (_, scenario) => {
      let reconnected = false;
      native.room.once(RoomEvent.Reconnected, () => {
        reconnected = true;
      });
      await native.room.simulateScenario(scenario);
      await until("reconnected", () => reconnected);
      await Promise.all([web.seesAndHears("native"), hearsAndSees(native)]);
    });
  });

  test("forwarded to another room, sealed as it is, it is seen and heard there too", async () => {
    const passphrase = "correct horse";
    const native = await NativeCaller.join(stage.server, "studio", "native", passphrase);
    await native.publish();
    const web = await stage.join({
      room: "foyer",
      name: "web",
      publish: false,
      passphrase,
    });
    const api = new RoomServiceClient(stage.server.url, ...stage.server.pair);
    await api.forwardParticipant("studio", "native", "foyer");
    await web.seesAndHears("native");
    for (const { encrypted } of (await web.report()).tracks) expect(encrypted).toBe(true);
    await native.leave();
    await web.until("sight of native's leaving", ({ remotes }) => remotes.length === 0);
    await web.leave();
  });

  test("two of it see and hear each other", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => NativeCaller.join(stage.server, "native", name)),
    );
    await Promise.all([one!.publish(), two!.publish()]);
    await Promise.all([hearsAndSees(one!), hearsAndSees(two!)]);
    await Promise.all([one!.leave(), two!.leave()]);
  });
});
