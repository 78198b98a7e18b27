/**
 * Goal: what one receiver is sent of a track, where that is more than layers and numbers: redundant audio taken apart,
 * and a video that waits for its turn.
 * Method: packets of an UpTrack through a DownTrack into a transmit ring.
 */

import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import type { PacketOptions } from "./packets.ts";
import { OPUS, RED } from "./payloads.ts";
import { ReceivedTrack } from "./received-track.ts";

/** An audio track with one receiver, who knows it as `payload`. */
const audio = (payload: PayloadParams): ReceivedTrack => new ReceivedTrack("audio", [OPUS, RED], payload);

test("redundant audio is taken apart for a receiver that knows Opus alone, and left whole for the other", () => {
  const packets: PacketOptions[] = [
    { payloadType: 63, seq: 1, payload: "ef000002 6f aabb cc" },
    { payloadType: 111, seq: 2, payload: "dd" },
    { payloadType: 63, seq: 3, payload: "6f ee" },
  ];
  const plain = audio(OPUS);
  const knowing = audio(RED);
  for (const packet of packets) plain.publish(packet);
  for (const packet of packets.filter(({ payloadType }) => payloadType === 63)) knowing.publish(packet);
  expect(plain.sent()).toEqual(["111 cc", "111 dd", "111 ee"]);
  expect(knowing.sent()).toEqual(["63 ef0000026faabbcc", "63 6fee"]);
});

test("a packet of redundant audio whose blocks do not fit is sent empty, not as something else", () => {
  const plain = audio(OPUS);
  plain.publish({ payloadType: 63, payload: "ef0003ff 6f aa" });
  expect(plain.sent()).toEqual(["111 "]);
  expect(plain.context.counters[SLOT.downPackets_audio]).toBe(1);
});
