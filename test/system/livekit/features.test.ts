/**
 * Goal: what people do in a sealed call of three, one thing after the other, as LiveKit's web SDK does it: turn encodings
 * off that nobody wants, share a screen, change cameras, say who they are, speak, lose the right to publish, be sent home.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RoomServiceClient } from "livekit-server-sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ControlApi } from "../support/control-api.ts";
import { requireProgram } from "../support/programs.ts";
import { writeSpeech } from "../support/speech.ts";
import { BROWSER } from "./client.ts";
import type { LiveKitCall } from "./livekit-call.ts";
import { Stage } from "./stage.ts";

/** In Firefox the SDK itself turns simulcast of a screen off: "we frequently get no data on layer 0". */
const SCREEN = BROWSER === "firefox" ? "screen_share only" : "screen_share q h";

const ALL_ALLOWED = { canPublish: true, canSubscribe: true, canPublishData: true, canUpdateMetadata: true };

describe.skipIf(!requireProgram(BROWSER))("a sealed call of three with LiveKit's web SDK", () => {
  const folder = mkdtempSync(join(tmpdir(), "speech-"));
  const stage = Stage.use({}, { microphoneFile: writeSpeech(folder) });
  let api: RoomServiceClient;

  beforeAll(async () => {
    api = new RoomServiceClient(stage.server.url, ...stage.server.pair);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  describe.each([
    ["one PeerConnection", true],
    ["two PeerConnections", false],
  ])("over %s", (room, single) => {
    let ada: LiveKitCall;
    let bo: LiveKitCall;
    let cy: LiveKitCall;

    beforeAll(async () => {
      const grants = { canUpdateOwnMetadata: true };
      const options = { room, single, dynacast: true, large: true, passphrase: "correct horse", grants };
      [ada, bo, cy] = (await Promise.all(
        ["ada", "bo", "cy"].map((name) => {
          return stage.join({
            ...options,
            name,
            publish: name !== "cy",
          });
        }),
      )) as [LiveKitCall, LiveKitCall, LiveKitCall];
    });

    afterAll(async () => {
      await Promise.all([ada, bo, cy].map((call) => call?.close()));
    });

    /** What becomes of an attempt to join as `name`, from the page of another, and to leave at once. */
    async function outcome({ page }: LiveKitCall, name: string): Promise<string> {
      const url = stage.server.url.replace("http", "ws");
      const token = await stage.server.token(room, name);
      return page.evaluate(
        async (join) => {
          const { ConnectionError, ConnectionErrorReason, Room } = window.LivekitClient;
          const entered = new Room({ singlePeerConnection: join.single });
          try {
            await entered.connect(join.url, join.token, { autoSubscribe: false });
          } catch (error) {
            if (!(error instanceof ConnectionError)) throw error;
            return `${ConnectionErrorReason[error.reason]} ${error.message.replace(/^.*?: /, "")}`;
          }
          const others = [...entered.remoteParticipants.keys()].toSorted().join(", ");
          await entered.disconnect();
          return `meets ${others}`;
        },
        { url, token, single },
      );
    }

    /** Waits until just these encodings of ada's are on, as `camera q h f`. */
    const untilSent = (encodings: string): Promise<unknown> =>
      ada.until(`encodings ${encodings}`, ({ sends }) => sends.join(", ") === encodings);

    /** What bo and cy want of ada's camera from now on. */
    async function want(quality: "LOW" | "HIGH" | null): Promise<void> {
      for (const viewer of [bo, cy]) {
        await viewer.page.evaluate((name) => {
          const { VideoQuality } = window.LivekitClient;
          const camera = window.call.remote("ada", "camera");
          camera.setEnabled(name !== null);
          if (name !== null) camera.setVideoQuality(VideoQuality[name]);
        }, quality);
      }
    }

    test("all see and hear all who publish", async () => {
      await Promise.all([ada.seesAndHears("bo"), bo.seesAndHears("ada")]);
      await Promise.all([cy.seesAndHears("ada"), cy.seesAndHears("bo")]);
      await untilSent("camera q h f");
      for (const { encrypted } of (await cy.report()).tracks) expect(encrypted).toBe(true);
    });

    test("encodings that nobody wants are turned off, and on again", async () => {
      await want("LOW");
      await untilSent("camera q");
      await want(null);
      await untilSent("camera");
      await want("HIGH");
      await untilSent("camera q h f");
      await bo.track("wide picture again", "ada", "video", ({ frameWidth }) => frameWidth === 1280);
    });

    test("a screen is shared beside the camera, both in several encodings", async () => {
      await ada.page.evaluate(async () => await window.call.publishScreen(), null);
      for (const viewer of [bo, cy]) {
        for (const source of ["camera", "screen_share"]) {
          const shown = await viewer.track(source, "ada", "video", (track) => track.source === source);
          await viewer.track(`moving ${source}`, "ada", "video", ({ sid, framesDecoded }) => {
            return sid === shown.sid && framesDecoded > shown.framesDecoded + 5;
          });
        }
      }
      await untilSent(`camera q h f, ${SCREEN}`);
    });

    test("another camera is seen in place of the first, in the same track", async () => {
      const before = await bo.track("camera", "ada", "video", ({ source }) => source === "camera");
      await ada.page.evaluate(async () => await window.call.switchCamera(), null);
      for (const viewer of [bo, cy]) {
        const after = await viewer.track(
          "narrower picture",
          "ada",
          "video",
          ({ source, frameWidth, frameHeight }) => {
            return source === "camera" && frameWidth * 3 === frameHeight * 4;
          },
        );
        expect(after.sid).toBe(before.sid);
      }
    });

    test("who changes a name, metadata or an attribute is seen to", async () => {
      await ada.page.evaluate(async () => {
        const { localParticipant } = window.call.room;
        await localParticipant.setName("Ada L.");
        await localParticipant.setMetadata("first");
        await localParticipant.setAttributes({ hand: "up", mood: "fine" });
        await localParticipant.setAttributes({ mood: "" });
      }, null);
      const isSaid = ({ people }: { people: Readonly<Record<string, string>> }): boolean =>
        people.ada === 'Ada L. first {"hand":"up"}';
      await Promise.all([bo, cy].map((viewer) => viewer.until("what ada says of herself", isSaid)));
      await api.updateParticipant(room, "bo", { attributes: { seat: "2" } });
      await api.updateRoomMetadata(room, "a room");
      for (const one of [ada, bo, cy]) {
        await one.until("what was said of bo", ({ people }) => people.bo?.endsWith('{"seat":"2"}'));
        await one.until("the room's metadata", ({ metadata }) => metadata === "a room");
      }
    });

    test("who speaks, and who is well connected, is told", async () => {
      for (const one of [ada, bo, cy]) {
        await one.until("speakers", ({ spoke }) => spoke.includes("ada") && spoke.includes("bo"));
        await one.until("qualities", ({ qualities }) =>
          ["ada", "bo", "cy"].every((name) => qualities[name] === "excellent" || qualities[name] === "good"),
        );
      }
    });

    test("who may not publish any more is told, and nobody sees it any more", async () => {
      await api.updateParticipant(room, "ada", { permission: { ...ALL_ALLOWED, canPublish: false } });
      await untilSent("");
      for (const viewer of [bo, cy]) {
        await viewer.until("end of ada's tracks", ({ tracks }) =>
          tracks.every(({ identity }) => identity !== "ada"),
        );
      }
      await api.updateParticipant(room, "ada", { permission: ALL_ALLOWED });
      await ada.until("permission", ({ mayPublish }) => mayPublish);
      await ada.page.evaluate(
        async () => await window.call.room.localParticipant.enableCameraAndMicrophone(),
        null,
      );
      await Promise.all([bo.seesAndHears("ada"), cy.seesAndHears("ada")]);
    });

    test("hosts decide who enters, and who may not is told why", async () => {
      const host = new ControlApi(
        stage.server.url,
        room,
        await stage.server.token(room, "", { roomAdmin: true }),
      );
      const enter = (name: string): Promise<string> => outcome(cy, name);
      await host.change({ lobby: true });
      expect(await enter("dee")).toBe("NotAllowed waiting to be admitted");
      expect(await host.waiting()).toEqual(["dee"]);
      await host.decide("dee", false);
      expect(await enter("dee")).toBe("NotAllowed admission was denied");
      await host.decide("dee", true);
      expect(await enter("dee")).toBe("meets ada, bo, cy");
      await host.change({ lobby: false, locked: true });
      expect(await enter("eve")).toBe("NotAllowed the room is locked");
      expect(await enter("dee")).toBe("meets ada, bo, cy");
      await host.ban("dee");
      expect(await enter("dee")).toBe("NotAllowed banned from the room");
      // Nobody else has noticed.
      await Promise.all([bo.seesAndHears("ada"), cy.seesAndHears("ada")]);
    });

    test("a room that is deleted sends all away, and says so", async () => {
      await api.deleteRoom(room);
      for (const one of [ada, bo, cy]) {
        await one.until(
          "the end",
          ({ state, ended }) => state === "disconnected" && ended === "ROOM_DELETED",
        );
      }
    });
  });
});
