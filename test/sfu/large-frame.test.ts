/**
 * Goal: a frame of hundreds of packets, which comes faster than a receiver's path takes it, reaches that receiver whole
 * and may be repaired.
 * Method: a video that waits for the pacer of its receiver, tick by tick; what leaves the ring is counted.
 */
import { describe, expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { UpPacket } from "../../src/sfu/up-packet.ts";
import { extensionMap } from "./packets.ts";
import { VP8 } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

const MAP = extensionMap({ transportCc: 4 });

/** A packet of 1,100 bytes at 25 Mbit/s. */
const PACKET_US = 352;
const PAYLOAD_BYTES = 1_098;
const TICK_US = 10_000;

/** Sends a key frame of so many packets, and waits until all has left that will. */
function sendKeyFrame(packets: number) {
  const receiver = new ReceivedTrack("video", [VP8], VP8, { map: MAP, spacingUs: PACKET_US });
  const { controller, downTrack, ring } = receiver;
  let left = 0;
  let nextTickUs = receiver.nowUs;
  const run = (): void => {
    for (; nextTickUs <= receiver.nowUs; nextTickUs += TICK_US) {
      controller.tick(nextTickUs, [downTrack]);
      // Padding is smaller.
      for (let row = 0; row < ring.count; row++) if (ring.bytes[row]! > PAYLOAD_BYTES) left += 1;
      ring.clear();
    }
  };
  for (let i = 0; i < packets; i++) {
    const payload = (i === 0 ? "1000" : "0000") + "aa".repeat(PAYLOAD_BYTES - 2);
    receiver.publish({ seq: 1 + i, timestamp: 3000, payload, marker: i === packets - 1 });
    run();
  }
  receiver.nowUs += 3_000_000;
  run();
  return { left, receiver };
}

describe.each([400, 600, 900])("a key frame of %i packets", (packets) => {
  test("leaves whole, and all of it can be repeated", () => {
    const { left, receiver } = sendKeyFrame(packets);
    const { counters } = receiver.context;
    expect(counters[SLOT.downDropped_pacer_late]).toBe(0);
    expect(counters[SLOT.downDropped_pacer_full]).toBe(0);
    expect(left).toBe(packets);
    const { stream } = receiver.downTrack;
    for (let seq = 1; seq <= packets; seq++) {
      const row = stream.find(seq);
      expect(row, `packet ${seq}`).not.toBe(-1);
      expect(receiver.downTrack.recall(row, receiver.nowUs, new UpPacket()), `packet ${seq}`).toBe(true);
    }
  });
});
