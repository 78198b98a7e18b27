/**
 * Goal: a video whose publisher has nothing to send for some seconds goes on where it was; one that nothing is known of
 * begins with little. One that is alone and larger than the first estimate is not waited for forever.
 * Method: a simulcast screen share with one receiver and its bandwidth, tick by tick; and what is dealt out, by itself.
 */
import { describe, expect, test } from "vitest";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import { NO_PREFERENCE, type PayloadParams } from "../../src/contract/media.ts";
import { RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import type { AllocationReason, LayerChoice } from "../../src/sfu/allocator.ts";
import { Allotment } from "../../src/sfu/allotment.ts";
import { BandwidthAllocation } from "../../src/sfu/bandwidth-allocation.ts";
import { NO_LAYER } from "../../src/sfu/layer-selector.ts";
import type { SendController } from "../../src/sfu/send-controller.ts";
import { FeedbackReceiver } from "../sim/feedback-receiver.ts";
import { extensionMap } from "./packets.ts";
import { VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

const RIDS = ["q", "h", "f"];
const STEP_US = 50_000;
const SECOND_STEPS = 20;

test("simulcast: a picture that stands still for two seconds goes on where it was, without a key frame", () => {
  const receiver = new ReceivedTrack("video", [VP8], VP8, { rids: RIDS, content: "screen", spacingUs: 0 });
  const { track, downTrack, controller, ring } = receiver;
  const allocation = new BandwidthAllocation([downTrack], controller);
  let seq = 0;
  let asked = 0;
  const step = (hasPicture: boolean): void => {
    receiver.nowUs += STEP_US;
    track.tick(receiver.nowUs, []);
    allocation.tick(receiver.nowUs, { lastVideos: Number.POSITIVE_INFINITY, speakerRank: () => 0 });
    seq += hasPicture ? 1 : 0;
    RIDS.forEach((_, encoding) => {
      const isAsked = track.streams[encoding]?.keyframes.poll(receiver.nowUs, 0) === true;
      asked += isAsked ? 1 : 0;
      if (!hasPicture) return;
      const payload = isAsked || seq === 1 ? "1000aaaa" : "1001aaaa";
      const timestamp = Math.round(receiver.nowUs * 0.09);
      receiver.publish({ ssrc: encoding + 1, encoding, seq, timestamp, payload, marker: true });
    });
    ring.clear();
  };
  const run = (steps: number, hasPicture: boolean): Set<number> => {
    const encodings = new Set<number>();
    for (let i = 0; i < steps; i++) {
      step(hasPicture);
      encodings.add(downTrack.encoding);
    }
    return encodings;
  };
  run(5 * SECOND_STEPS, true);
  expect(downTrack.encoding).toBe(2);
  asked = 0;
  expect(run(2 * SECOND_STEPS, false)).toEqual(new Set([2]));
  expect(downTrack.allotment.layers).toBe(null);
  expect(run(2 * SECOND_STEPS, true)).toEqual(new Set([2]));
  expect(asked).toBe(0);
});

const SECOND_US = 1_000_000;
const DEAL_US = 200_000;
const SILENT: AllocationReason = { kind: "absent", absence: "no_media" };
const MUTED: AllocationReason = { kind: "absent", absence: "muted" };
const POOR: AllocationReason = { kind: "bandwidth", leftBps: 0, neededBps: 1 };
const COMPLETE: AllocationReason = { kind: "complete" };
const FIRST = { spatial: 0, temporal: 7 };

type Deal = readonly [layers: string | null, reason: AllocationReason, seconds: number];

/** What may be sent after all this has been dealt out, again and again for so many seconds each. */
function openAfter(deals: readonly Deal[]): string {
  const allotment = new Allotment();
  let nowUs = 0;
  for (const [layers, reason, seconds] of deals) {
    const [spatial, temporal] = (layers ?? "").split(".").map(Number) as [number, number];
    const choice: LayerChoice | null = layers === null ? null : { spatial, temporal, bitrateBps: 0 };
    for (const endUs = nowUs + seconds * SECOND_US; nowUs < endUs; nowUs += DEAL_US)
      allotment.take(choice, { choice: 0, reason }, 0, nowUs);
  }
  const { open } = allotment;
  return open === null ? "nothing" : `${open.spatial}.${open.temporal}`;
}

const LEAST = `${FIRST.spatial}.${FIRST.temporal}`;

describe("what a silent video may go on with", () => {
  test.each<{ name: string; deals: readonly Deal[]; open: string }>([
    { name: "nothing came yet: the lowest layer", deals: [[null, SILENT, 1]], open: LEAST },
    {
      name: "what it had before, however often",
      deals: [
        ["2.1", COMPLETE, 3],
        [null, SILENT, 9],
        ["2.1", COMPLETE, 1],
        [null, SILENT, 9],
      ],
      open: "2.1",
    },
    {
      name: "not what it was given because nothing came any more",
      deals: [
        ["0.1", POOR, 3],
        ["2.1", COMPLETE, 1.6],
        [null, SILENT, 1],
      ],
      open: "0.1",
    },
    {
      name: "the less that it was given last",
      deals: [
        ["2.1", COMPLETE, 3],
        ["1.1", POOR, 0.2],
        [null, SILENT, 1],
      ],
      open: "1.1",
    },
    {
      name: "what it came to after it had less",
      deals: [
        ["0.1", POOR, 1],
        ["1.1", COMPLETE, 3],
        [null, SILENT, 1],
      ],
      open: "1.1",
    },
    {
      name: "the lowest layer where it was stopped for want of bandwidth before",
      deals: [
        ["2.1", COMPLETE, 3],
        [null, POOR, 0.2],
        [null, SILENT, 1],
      ],
      open: LEAST,
    },
    {
      name: "the lowest layer after it was muted: it begins at a key frame anyway",
      deals: [
        ["2.1", COMPLETE, 3],
        [null, MUTED, 0.2],
        [null, SILENT, 1],
      ],
      open: LEAST,
    },
    {
      name: "nothing while there is no bandwidth for it",
      deals: [
        ["2.1", COMPLETE, 3],
        [null, SILENT, 1],
        [null, POOR, 1],
      ],
      open: "nothing",
    },
  ])("$name", ({ deals, open }) => {
    expect(openAfter(deals)).toBe(open);
  });
});

describe("a video larger than the first estimate, and alone", () => {
  const { rtxPayloadType, ...WITHOUT_RTX } = VP8;

  /** Payload types of what is sent of it before and after it is given to the receiver, and how many pictures that takes. */
  function watch(payload: PayloadParams): { before: number[]; pictures: number; after: number[] } {
    const map = extensionMap({ transportCc: 3 });
    const receiver = new ReceivedTrack("video", [payload], payload, { map, spacingUs: 0 });
    const { track, downTrack, controller, ring } = receiver;
    const allocation = new BandwidthAllocation([downTrack], controller);
    const before: number[] = [];
    const after: number[] = [];
    let pictures = 0;
    downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, receiver.nowUs);
    for (let picture = 0; picture < 6 * SECOND_STEPS; picture++) {
      // Who comes to a video that others watch: it is known how much it is.
      if (picture === 2 * SECOND_STEPS) downTrack.setPreference(NO_PREFERENCE, receiver.nowUs);
      receiver.nowUs += STEP_US;
      track.tick(receiver.nowUs, []);
      allocation.tick(receiver.nowUs, { lastVideos: Number.POSITIVE_INFINITY, speakerRank: () => 0 });
      for (let part = 0; part < 8; part++) {
        const isKey = part === 0 && downTrack.encoding === NO_LAYER;
        const data = (isKey ? "1000" : "1001") + "aa".repeat(1_000);
        const seq = 8 * picture + part;
        receiver.publish({ ssrc: 1, seq, timestamp: 4_500 * picture, payload: data, marker: part === 7 });
      }
      controller.tick(receiver.nowUs, [downTrack]);
      const isGiven = downTrack.encoding !== NO_LAYER;
      if (picture >= 2 * SECOND_STEPS && !isGiven) pictures += 1;
      for (const { header } of receiver.packets) (isGiven ? after : before).push(header.payloadType);
      ring.clear();
    }
    return { before, pictures, after };
  }

  test("padding asks for feedback for a second, then it is sent", () => {
    const { before, pictures, after } = watch(VP8);
    expect(new Set(before)).toEqual(new Set([rtxPayloadType]));
    expect(before.length).toBeGreaterThan(2);
    expect(before.length).toBeLessThan(7);
    expect(pictures).toBeGreaterThan(SECOND_STEPS);
    expect(pictures).toBeLessThan(1.5 * SECOND_STEPS);
    expect(after).toContain(VP8.payloadType);
  });

  test("without RTX it is sent after a second too", () => {
    const { before, pictures, after } = watch(WITHOUT_RTX);
    expect(before).toEqual([]);
    expect(pictures).toBeLessThan(1.5 * SECOND_STEPS);
    expect(new Set(after)).toEqual(new Set([VP8.payloadType]));
  });

  /** With 20 Mbit/s that are not sent, and a voice that begins after the first guess, on which there is feedback. */
  function withVoice(limitBps: number | null): SendController {
    const map = extensionMap({ transportCc: 3 });
    const receiver = new ReceivedTrack("video", [WITHOUT_RTX], WITHOUT_RTX, { map, spacingUs: 0 });
    const { track, downTrack, controller, ring } = receiver;
    const allocation = new BandwidthAllocation([downTrack], controller);
    const browser = new FeedbackReceiver(0, 0);
    const cursor = new RtcpCursor();
    let underWay: Uint8Array[] = [];
    const parts = 120;
    const payload = `1001${"aa".repeat(1_000)}`;
    controller.limit(limitBps);
    downTrack.setPreference({ ...NO_PREFERENCE, paused: true }, receiver.nowUs);
    for (let picture = 0; picture < 3.5 * SECOND_STEPS; picture++) {
      if (picture === SECOND_STEPS) downTrack.setPreference(NO_PREFERENCE, receiver.nowUs);
      receiver.nowUs += STEP_US;
      track.tick(receiver.nowUs, []);
      allocation.tick(receiver.nowUs, { lastVideos: Number.POSITIVE_INFINITY, speakerRank: () => 0 });
      for (let part = 0; part < parts; part++) {
        const seq = (parts * picture + part) % 0x10000;
        receiver.publish({ ssrc: 1, seq, timestamp: 4_500 * picture, payload, marker: part === parts - 1 });
      }
      if (picture > 2.5 * SECOND_STEPS) {
        browser.receive(controller.transportSeq, 100, receiver.nowUs);
        controller.onSent(100, NO_STREAM, 0, receiver.nowUs);
      }
      const arrived = underWay;
      underWay = browser.poll(receiver.nowUs);
      for (const message of arrived) {
        cursor.reset(message, message.length);
        cursor.next();
        controller.onTransportFeedback(message, cursor, receiver.nowUs);
      }
      controller.tick(receiver.nowUs, [downTrack]);
      if (picture > SECOND_STEPS) expect(downTrack.encoding).toBe(NO_LAYER);
      ring.clear();
    }
    return controller;
  }

  test("and larger than any estimate: between two guesses there is time for feedback on what else is sent", () => {
    expect(withVoice(null).isGuessing).toBe(false);
  });

  test("and larger than the receiver may be sent: nothing is guessed that is of no use", () => {
    const controller = withVoice(10_000_000);
    expect(controller.isGuessing).toBe(false);
    expect(controller.estimateBps).toBeLessThan(1_000_000);
  });
});
