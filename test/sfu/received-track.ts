/** A track with one receiver, for tests of the SFU's parts: packets of the publisher in, what the receiver is sent out. */
import { createSharedCounters } from "../../src/base/counters.ts";
import {
  asSsrc,
  type ParticipantId,
  type PathId,
  type SubscriptionId,
  type TrackId,
} from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import { HIGHEST_LAYERS, type PayloadParams, type UpTrackParams } from "../../src/contract/media.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { PacketWriter } from "../../src/sfu/packet-writer.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";

/** Between two packets. */
export const SPACING_US = 5_000;
const MAP = extensionMap({});
const IDS = { ssrc: asSsrc(9), rtxSsrc: asSsrc(10) };

export interface Published extends PacketOptions {
  readonly encoding?: number;
}

export class ReceivedTrack {
  readonly context = createCoreContext(new TransmitRing(64), createSharedCounters());
  readonly controller: SendController;
  readonly track: UpTrack;
  readonly downTrack: DownTrack;
  nowUs = 1_000_000;

  /** `payload`: the codec of the track as its receiver knows it. A video gets all layers. */
  constructor(
    kind: "audio" | "video",
    payloads: readonly PayloadParams[],
    payload: PayloadParams,
    rids: UpTrackParams["rids"] = [],
  ) {
    const { context } = this;
    const outlet = new Outlet(0, context.rests);
    outlet.path = 1 as PathId;
    outlet.secure = true;
    this.controller = new SendController(outlet, MAP, context);
    const params = {
      subscriptionId: "SU" as SubscriptionId,
      kind,
      mid: "0",
      cname: "c",
      ssrc: IDS.ssrc,
      rtxSsrc: kind === "video" ? IDS.rtxSsrc : asSsrc(0),
    };
    const writer = new PacketWriter(MAP, "0");
    const stream = new DownStream(params.ssrc, params.rtxSsrc, writer, this.controller, context);
    this.downTrack = new DownTrack(params, stream, this.controller, context);
    const ids = { trackId: "TR" as TrackId, publisher: "PA" as ParticipantId };
    const content = kind === "video" ? "camera" : "voice";
    this.track = new UpTrack({ ...ids, kind, mid: "0", payloads, rids, ssrcs: [], content }, MAP);
    this.know(payload);
  }

  /** Control has heard of the codec, and says how the receiver knows it. */
  know(payload: PayloadParams): void {
    const { downTrack, track, nowUs } = this;
    downTrack.setSource({ track, payload }, nowUs);
    if (!downTrack.isVideo) return;
    const choice = { ...HIGHEST_LAYERS, bitrateBps: 0 };
    downTrack.allot(choice, { id: "SU", choice: 0, reason: { kind: "complete" } }, nowUs);
  }

  publish({ encoding = 0, ...options }: Published): void {
    const { track } = this;
    const packet = upPacket(MAP, options);
    this.nowUs += SPACING_US;
    packet.receivedUs = this.nowUs;
    packet.nowUs = this.nowUs;
    const payload = track.payload(packet.header.payloadType)!;
    const { ssrc } = packet.header;
    const known = track.streams[encoding];
    const stream = known?.ssrc === ssrc ? known : track.startStream(ssrc, encoding, payload);
    stream.accept(packet, payload);
    if (track.onPayload(payload)) track.announcePayload(payload, this.nowUs, this.context.events);
    track.forward(packet);
    this.downTrack.retarget(this.nowUs);
  }

  /** "payloadType payload", or with the sequence number: "payloadType #seq payload". */
  sent(format: "payloads" | "numbered" = "payloads"): string[] {
    const { ring } = this.context;
    return Array.from({ length: ring.count }, (_, row) => {
      const at = row * SLOT_BYTES;
      const payload = toHex(ring.slab.subarray(at + ring.headerBytes[row]!, at + ring.bytes[row]!));
      const seq = (ring.slab[at + 2]! << 8) | ring.slab[at + 3]!;
      const number = format === "numbered" ? `#${seq} ` : "";
      return `${ring.slab[at + 1]! & 0x7f} ${number}${payload}`;
    });
  }
}
