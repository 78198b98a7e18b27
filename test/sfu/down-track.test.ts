/**
 * Goal: what one receiver is sent of a track, where that is more than layers and numbers: redundant audio taken apart,
 * and a video that waits for its turn.
 * Method: packets of an UpTrack through a DownTrack into a transmit ring.
 */

import { expect, test } from "vitest";
import { createSharedCounters, SLOT } from "../../src/base/counters.ts";
import {
  asSsrc,
  type ParticipantId,
  type PathId,
  type SubscriptionId,
  type TrackId,
} from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { PacketWriter } from "../../src/sfu/packet-writer.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";

const OPUS: PayloadParams = { payloadType: 111, codec: "opus", clockRate: 48_000, profile: "" };
const RED: PayloadParams = { payloadType: 63, codec: "red", clockRate: 48_000, profile: "111/111" };
const MAP = extensionMap({});

/** An audio track with one receiver, who knows it as `payload`. */
function audio(payload: PayloadParams) {
  const ring = new TransmitRing(16);
  const context = createCoreContext(ring, createSharedCounters());
  const outlet = new Outlet(0, context.rests);
  outlet.path = 1 as PathId;
  outlet.secure = true;
  const controller = new SendController(outlet, MAP, context);
  const ids = { ssrc: asSsrc(9), rtxSsrc: asSsrc(0) };
  const params = {
    subscriptionId: "SU" as SubscriptionId,
    kind: "audio",
    mid: "0",
    cname: "c",
    ...ids,
  } as const;
  const stream = new DownStream(ids.ssrc, ids.rtxSsrc, new PacketWriter(MAP, "0"), controller, context);
  const downTrack = new DownTrack(params, stream, controller, context);
  const trackId = "TR" as TrackId;
  const track = new UpTrack(
    {
      trackId,
      publisher: "PA" as ParticipantId,
      kind: "audio",
      mid: "0",
      payloads: [OPUS, RED],
      rids: [],
      ssrcs: [],
      content: "voice",
    },
    MAP,
  );
  downTrack.setSource({ track, payload }, 0);
  const publish = (options: PacketOptions): void => {
    const packet = upPacket(MAP, options);
    const sent = track.payload(packet.header.payloadType)!;
    const up = track.streams[0] ?? track.startStream(packet.header.ssrc, 0, sent);
    up.accept(packet, sent);
    track.onPayload(sent);
    track.forward(packet);
  };
  const sent = () =>
    Array.from({ length: ring.count }, (_, row) => {
      const at = row * SLOT_BYTES;
      const payloadAt = at + ring.headerBytes[row]!;
      return `${ring.slab[at + 1]! & 0x7f} ${toHex(ring.slab.subarray(payloadAt, at + ring.bytes[row]!))}`;
    });
  return { publish, sent, context };
}

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
  const { publish, sent, context } = audio(OPUS);
  publish({ payloadType: 63, payload: "ef0003ff 6f aa" });
  expect(sent()).toEqual(["111 "]);
  expect(context.counters[SLOT.downPackets_audio]).toBe(1);
});
