/**
 * Goal: what the server is for. Browsers hold an end-to-end encrypted call through it; layers switch by the control
 * API although nobody on the way can read a frame; whoever lacks the passphrase sees and hears nothing.
 * Method: the test call in Chromium, one publisher and two watchers, for each codec.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TileReport } from "../../src/http/test-call/tile.ts";
import type { TestBrowser } from "./support/browser.ts";
import { launchChromium } from "./support/chromium.ts";
import { ControlApi } from "./support/control-api.ts";
import { requireProgram } from "./support/programs.ts";
import { startServer, type TestServer, TIERS } from "./support/server.ts";
import { TestCall } from "./support/test-call.ts";

/** VP8 and H264 are sent in three encodings, VP9 in three spatial layers, AV1 in one. */
const CODECS = ["VP8", "H264", "VP9", "AV1"] as const;

describe.skipIf(!requireProgram("chromium")).each(TIERS)(
  "a sealed call in Chromium on the %s tier",
  (tier) => {
    let server: TestServer;
    let browser: TestBrowser;

    beforeAll(async () => {
      [server, browser] = await Promise.all([startServer({ BLINDFOLD_FAST_PATH: tier }), launchChromium()]);
    });

    afterAll(async () => {
      await browser?.close();
      await server?.stop();
    });

    describe.each(CODECS)("%s", (codec) => {
      const room = `sealed-${codec}`;
      let ada: TestCall;
      let bo: TestCall;
      let api: ControlApi;

      beforeAll(async () => {
        [ada, bo] = await Promise.all([
          TestCall.join(browser, server, { room, codec, name: "ada" }),
          TestCall.join(browser, server, { room, codec, name: "bo", watch: true }),
        ]);
        api = new ControlApi(server.url, room, await server.token(room, "bo"));
      });

      afterAll(async () => {
        await Promise.all([ada?.close(), bo?.close()]);
      });

      test("it is seen and heard, and all of it was sealed", async () => {
        const { framesDecryptFailed } = await bo.tileWhen("seen and heard", "ada", (tile) => {
          return tile.framesDecoded > 10 && tile.totalAudioEnergy > 0 && tile.mark === "sealed";
        });
        expect(framesDecryptFailed).toBe(0);
        const track = (await api.tracks()).find(({ kind }) => kind === "video");
        expect(track).toMatchObject({ codec, encryption: "custom", dependencyDescriptor: true });
      });

      if (codec !== "AV1") {
        test("layers go down to 320x180 and back by the API, without a freeze", async () => {
          const { id } = await api.videoSubscription();
          const before = await bo.tileWhen(
            "high",
            "ada",
            (tile) => tile.frameWidth === 1280 && isSteady(tile),
          );
          await api.prefer(id, { preferred: { spatial: 0, temporal: 7 } });
          const low = await bo.tileWhen("low", "ada", ({ frameWidth }) => frameWidth === 320);
          expect(low.frameHeight).toBe(180);
          // Long enough for a picture that stands still to be counted as frozen.
          await delay(1_000);
          await api.prefer(id, { preferred: { spatial: 3, temporal: 7 } });
          await bo.tileWhen("high again", "ada", ({ frameWidth }) => frameWidth === 1280);
          await delay(1_000);
          const after = (await bo.tile("ada"))!;
          expect(after.totalFreezesDuration - before.totalFreezesDuration).toBeLessThan(0.5);
          expect([after.frameHeight, after.framesDecryptFailed]).toEqual([720, 0]);
        });
      }

      // Of two watchers, which wait for most of the time.
      describe.concurrent("at the same time", () => {
        test("temporal layers go down to the base and back", async () => {
          const { id } = await api.videoSubscription();
          const before = await bo.tileWhen("steady", "ada", ({ framesPerSecond }) => framesPerSecond > 12);
          await api.prefer(id, { preferred: { spatial: 3, temporal: 0 } });
          // A quarter of 30 is left. The browser's rate is an average over a second, and the call has just stood at a layer
          // change: half of a rate that was still rising may be less than that quarter.
          const slow = Math.max(10, before.framesPerSecond / 2);
          await bo.tileWhen("slow", "ada", ({ framesPerSecond }) => framesPerSecond < slow);
          expect((await api.videoSubscription()).current?.temporal).toBe(0);
          await api.prefer(id, { preferred: { spatial: 3, temporal: 7 } });
          await bo.tileWhen("fast again", "ada", ({ framesPerSecond }) => framesPerSecond > slow);
          expect((await bo.tile("ada"))!.framesDecryptFailed).toBe(0);
        });

        test("with another passphrase no frame is decoded and nothing is heard", async () => {
          const options = { room, codec, name: "mallory", passphrase: "wrong", watch: true };
          const mallory = await TestCall.join(browser, server, options);
          const tile = await mallory.tileWhen("tried", "ada", (one) => one.framesDecryptFailed > 100);
          expect(tile).toMatchObject({
            framesDecoded: 0,
            framesDecrypted: 0,
            totalAudioEnergy: 0,
            mark: "undecryptable",
            connectionState: "connected",
          });
          await mallory.close();
        });
      });

      test("it stands still while paused, and goes on", async () => {
        const { id } = await api.videoSubscription();
        await api.prefer(id, { paused: true });
        await bo.until("paused", async () => (await api.videoSubscription()).current === null);
        // What a busy machine has received and not decoded yet is decoded still.
        let paused = (await bo.tile("ada"))!;
        let stillSinceMs = performance.now();
        await bo.until("a picture that stands still for a second", async () => {
          const tile = (await bo.tile("ada"))!;
          if (tile.framesDecoded !== paused.framesDecoded) {
            paused = tile;
            stillSinceMs = performance.now();
          }
          return performance.now() - stillSinceMs >= 1_000;
        });
        await api.prefer(id, { paused: false });
        await bo.tileWhen("resumed", "ada", (one) => one.framesDecoded > paused.framesDecoded + 10);
      });
    });

    test("the console stays empty: joining a new room, watching, switching, leaving, coming back", async () => {
      const room = "quiet";
      const bo = await TestCall.join(browser, server, { room, name: "bo", watch: true });
      const ada = await TestCall.join(browser, server, { room, name: "ada" });
      const api = new ControlApi(server.url, room, await server.token(room, "bo"));
      await bo.tileWhen("seen", "ada", ({ framesDecoded }) => framesDecoded > 10);
      await api.prefer((await api.videoSubscription()).id, { preferred: { spatial: 0, temporal: 0 } });
      await bo.tileWhen("low", "ada", ({ frameWidth }) => frameWidth === 320);
      await ada.leave();
      await bo.until("alone", async () => (await bo.tile("ada")) === undefined);
      const again = await TestCall.join(browser, server, { room, name: "ada" });
      await bo.tileWhen("seen again", "ada", ({ framesDecoded }) => framesDecoded > 10);
      await bo.leave();
      await again.leave();
      expect([...ada.console, ...bo.console, ...again.console]).toEqual([]);
    });

    // Last: by now the calls above have moved them.
    test("the metrics show what went on, and nothing that went wrong", async () => {
      const metrics = await server.metrics();
      const value = (series: string): number => metrics.get(`blindfold_${series}`) ?? Number.NaN;
      for (const series of [
        'rtp_received_packets_total{kind="audio"}',
        'rtp_received_bytes_total{kind="video"}',
        'rtp_sent_packets_total{kind="audio"}',
        'rtp_sent_bytes_total{kind="video"}',
        'rtcp_packets_total{direction="received"}',
        'rtcp_packets_total{direction="sent"}',
        'dropped_packets_total{direction="down",reason="layer"}',
        'keyframe_requests_total{type="pli",direction="sent"}',
        'twcc_feedbacks_total{direction="sent"}',
        'layer_switches_total{dimension="spatial"}',
        'layer_switches_total{dimension="temporal"}',
        'ice_state_changes_total{state="connected"}',
        "forward_delay_seconds_count",
        "dtls_handshake_duration_seconds_count",
        'http_request_duration_seconds_count{method="POST",route="/whip/:room",status="201"}',
        'thread_cpu_seconds_total{thread="media-0"}',
        'thread_cpu_seconds_total{thread="dtls"}',
      ]) {
        expect(value(series), series).toBeGreaterThan(0);
      }
      for (const reason of ["srtp_auth", "srtcp_auth", "malformed_rtp", "malformed_rtcp", "malformed_stun"]) {
        expect(value(`dropped_packets_total{direction="up",reason="${reason}"}`), reason).toBe(0);
      }
      for (const reason of ["ring_full", "not_sealed", "too_large"]) {
        expect(value(`dropped_packets_total{direction="down",reason="${reason}"}`), reason).toBe(0);
      }
    });
  },
);

const isSteady = ({ framesPerSecond }: TileReport): boolean => framesPerSecond > 8;
