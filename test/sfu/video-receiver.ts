/** A video track with one receiver, for tests of what becomes of it: packets of the UpTrack through a DownTrack into a transmit ring. */
import { createSharedCounters } from "../../src/base/counters.ts";
import {
  asSsrc,
  type ParticipantId,
  type PathId,
  type SubscriptionId,
  type TrackId,
} from "../../src/base/ids.ts";
import { SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { PacketWriter } from "../../src/sfu/packet-writer.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { type PacketOptions, upPacket } from "./packets.ts";

export interface VideoPacket extends PacketOptions {
  readonly marker?: boolean;
  /** Index of the simulcast encoding. */
  readonly encoding?: number;
}

export interface SentPacket {
  readonly bytes: Uint8Array;
  readonly header: RtpHeader;
  readonly extensions: ExtensionView;
  readonly payload: Uint8Array;
}

export class VideoReceiver {
  readonly ring = new TransmitRing(256);
  readonly context = createCoreContext(this.ring, createSharedCounters());
  readonly controller: SendController;
  readonly downTrack: DownTrack;
  readonly track: UpTrack;
  nowUs = 1_000_000;
  readonly #map: ExtensionMap;
  readonly #packetUs: number;

  /**
   * `payloads`: what the publisher may send; the receiver knows the first, and may be sent all there is at once.
   * `packetUs`: from one packet to the next.
   */
  constructor(
    payloads: readonly PayloadParams[],
    map = new ExtensionMap({}),
    rids: readonly string[] = [],
    content: "camera" | "screen" = "camera",
    packetUs = 5_000,
  ) {
    this.#packetUs = packetUs;
    this.#map = map;
    const { context } = this;
    const outlet = new Outlet(0, context.rests);
    outlet.path = 1 as PathId;
    outlet.secure = true;
    this.controller = new SendController(outlet, map, context);
    const ids = { ssrc: asSsrc(9), rtxSsrc: asSsrc(10) };
    const writer = new PacketWriter(map, "0");
    const stream = new DownStream(ids.ssrc, ids.rtxSsrc, writer, this.controller, context);
    const subscriptionId = "SU" as SubscriptionId;
    const params = { subscriptionId, kind: "video", mid: "0", cname: "c", ...ids } as const;
    this.downTrack = new DownTrack(params, stream, this.controller, context);
    const [trackId, publisher] = ["TR" as TrackId, "PA" as ParticipantId];
    const kind = "video";
    this.track = new UpTrack({ trackId, publisher, kind, mid: "0", payloads, rids, ssrcs: [], content }, map);
    this.downTrack.setSource({ track: this.track, payload: payloads[0]! }, this.nowUs);
    const all = { spatial: 3, temporal: 7, bitrateBps: 0 };
    this.downTrack.allot(all, { id: "SU", choice: 0, reason: { kind: "complete" } }, this.nowUs);
  }

  /** The next packet of the publisher. */
  publish(options: VideoPacket): void {
    const packet = upPacket(this.#map, options);
    if (options.marker === true) {
      packet.bytes[1]! |= 0x80;
      packet.header.marker = true;
    }
    this.nowUs += this.#packetUs;
    packet.receivedUs = this.nowUs;
    packet.nowUs = this.nowUs;
    const { track } = this;
    const payload = track.payload(packet.header.payloadType)!;
    const encoding = options.encoding ?? 0;
    const up = track.streams[encoding] ?? track.startStream(packet.header.ssrc, encoding, payload);
    up.accept(packet, payload);
    track.onPayload(payload);
    track.forward(packet);
  }

  /** What is in the ring, which holds all of it until somebody clears it. */
  get sent(): SentPacket[] {
    return Array.from({ length: this.ring.count }, (_, row) => {
      const at = row * SLOT_BYTES;
      const bytes = this.ring.slab.slice(at, at + this.ring.bytes[row]!);
      const header = new RtpHeader();
      parseRtpHeader(bytes, bytes.length, header);
      const extensions = new ExtensionView();
      extensions.parse(bytes, header, this.#map);
      return { bytes, header, extensions, payload: bytes.subarray(header.headerBytes) };
    });
  }
}
