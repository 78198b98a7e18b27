/**
 * One call over a bad network: a sealed video from a publisher on a clean line to a viewer behind the relay, both in
 * Chromium, and what the viewer's browser says of it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { launchChromium } from "../system/support/chromium.ts";
import { HEIGHT } from "../system/support/fake-camera.ts";
import { freeMediaPort } from "../system/support/free-ports.ts";
import { startServer } from "../system/support/server.ts";
import { TestCall } from "../system/support/test-call.ts";
import { type CallMeasurement, measureCall, recoveryMs, type Sample } from "./call-measurement.ts";
import type { Impairment } from "./impairments.ts";
import { RelayProcess } from "./relay-process.ts";

const ROOM = "impaired";
/** Between two readings of the browser. Smaller: the reading itself takes CPU from the call. */
const SAMPLE_MS = 200;
/** Of the publisher, before anything is measured: beyond it all layers flow. */
const RAMPED_UP_BPS = 2_000_000;
/** From the start of a trouble until it is measured: so long a reaction to it may take. */
const SETTLE_MS = 5_000;
/** A blackout comes this far into what is measured. */
const BLACKOUT_AFTER = 0.3;

export interface ImpairedCallOptions {
  readonly impairment: Impairment;
  readonly codec: "VP8" | "VP9";
  readonly seconds: number;
  /** What the publisher's camera shows (see `fake-camera.ts`). */
  readonly cameraFile: string;
}

export interface ImpairedCall extends CallMeasurement {
  readonly impairment: string;
  readonly codec: string;
  /** On the wire of the viewer's line, everything included. */
  readonly receivedBps: number;
  /** Of that line; null when nothing limits it. */
  readonly capacityBps: number | null;
  /** Datagrams that found its queue full. */
  readonly overflowed: number;
  /** After the blackout until pictures came again; null without one, or when none came. */
  readonly recoveryMs: number | null;
  /** What the publisher's browser made, the less of before and after. Far below 30: the machine was too busy, and freezes say little of the network. */
  readonly encodedFps: number;
  /** PLIs that the publisher got. */
  readonly plisToPublisher: number;
  /** How late the relay sent: 99 of 100 datagrams were earlier. Above some milliseconds it has made jitter of its own. */
  readonly relayLateP99Us: number;
}

export async function callOver(options: ImpairedCallOptions): Promise<ImpairedCall> {
  const serverPort = await freeMediaPort();
  // Whoever comes first is the publisher.
  const relay = await RelayProcess.start({ serverPort, spared: 1, seed: 1 });
  try {
    const server = await startServer({
      BLINDFOLD_MEDIA_HOST: "127.0.0.1",
      BLINDFOLD_MEDIA_PORT: String(serverPort),
      BLINDFOLD_MEDIA_THREADS: "1",
      BLINDFOLD_MEDIA_ANNOUNCED_ADDRESSES: `127.0.0.1:${relay.port}`,
    });
    const browser = await launchChromium({ cameraFile: options.cameraFile });
    try {
      const { codec } = options;
      const ada = await TestCall.join(browser, server, { room: ROOM, codec, name: "ada" });
      // Nobody encodes for long what nobody watches.
      const bo = await TestCall.join(browser, server, { room: ROOM, codec, name: "bo", watch: true });
      await ada.tileWhen("ramped up", "ada", (tile) => tile.availableOutgoingBps > RAMPED_UP_BPS);
      await bo.tileWhen(
        "seen in full",
        "ada",
        (tile) => tile.frameHeight === HEIGHT && tile.framesDecoded > 30,
      );
      return await observe(options, relay, ada, bo);
    } finally {
      await browser.close();
      await server.stop();
    }
  } finally {
    await relay.stop();
  }
}

async function observe(
  { impairment, codec, seconds }: ImpairedCallOptions,
  relay: RelayProcess,
  ada: TestCall,
  bo: TestCall,
): Promise<ImpairedCall> {
  relay.change("up", impairment.up);
  relay.change("down", impairment.down);
  await delay(SETTLE_MS);
  const plisBefore = (await ada.tile("ada"))!.pliCount;
  const before = (await relay.report()).down;
  const encoded = [await encodedFps(ada)];
  const { samples, blackoutEndMs } = await watch(bo, relay, seconds * 1_000, impairment.blackoutMs);
  encoded.push(await encodedFps(ada));
  const { down, lateness } = await relay.report();
  const measured = measureCall(samples);
  return {
    impairment: impairment.name,
    codec,
    ...measured,
    receivedBps: (8 * (down.deliveredBytes - before.deliveredBytes)) / measured.seconds,
    capacityBps: impairment.down.rateBps ?? null,
    overflowed: down.overflowed - before.overflowed,
    recoveryMs: blackoutEndMs === null ? null : recoveryMs(samples, blackoutEndMs),
    encodedFps: Math.min(...encoded),
    plisToPublisher: (await ada.tile("ada"))!.pliCount - plisBefore,
    relayLateP99Us: lateness.p99Us,
  };
}

/** In the second before. Frames are counted by layer, so the count will not do. */
async function encodedFps(ada: TestCall): Promise<number> {
  return (await ada.tile("ada"))!.framesPerSecond;
}

/** Reads what `bo` sees of ada, again and again. */
async function watch(
  bo: TestCall,
  relay: RelayProcess,
  ms: number,
  blackoutMs: number | undefined,
): Promise<{ readonly samples: Sample[]; readonly blackoutEndMs: number | null }> {
  const samples: Sample[] = [];
  const startMs = performance.now();
  let blackoutEndMs: number | null = null;
  for (let atMs = startMs; atMs < startMs + ms; atMs = performance.now()) {
    if (blackoutMs !== undefined && blackoutEndMs === null && atMs > startMs + BLACKOUT_AFTER * ms) {
      relay.blackout(blackoutMs);
      blackoutEndMs = atMs + blackoutMs;
    }
    const tile = await bo.tile("ada");
    if (tile !== undefined) samples.push({ ...tile, atMs: performance.now() });
    await delay(SAMPLE_MS);
  }
  return { samples, blackoutEndMs };
}
