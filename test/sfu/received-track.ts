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
import { type ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { createCoreContext } from "../../src/sfu/core-context.ts";
import { DownStream } from "../../src/sfu/down-stream.ts";
import { DownTrack } from "../../src/sfu/down-track.ts";
import { Outlet } from "../../src/sfu/outlet.ts";
import { PacketWriter } from "../../src/sfu/packet-writer.ts";
import { SendController } from "../../src/sfu/send-controller.ts";
import { UpTrack } from "../../src/sfu/up-track.ts";
import { toHex } from "../rtp/hex.ts";
import { extensionMap, type PacketOptions, upPacket } from "./packets.ts";

/** Between two packets, unless told. */
export const SPACING_US = 5_000;
const IDS = { ssrc: asSsrc(9), rtxSsrc: asSsrc(10) };

export interface Published extends PacketOptions {
  readonly marker?: boolean;
  readonly encoding?: number;
}

export interface SentPacket {
  readonly bytes: Uint8Array;
  readonly header: RtpHeader;
  readonly extensions: ExtensionView;
  readonly payload: Uint8Array;
}

export interface ReceivedTrackOptions {
  readonly rids?: UpTrackParams["rids"];
  readonly isOrderGuessed?: boolean;
  readonly map?: ExtensionMap;
  readonly content?: UpTrackParams["content"];
  readonly isSealed?: boolean;
  readonly spacingUs?: number;
  /** Packets of a picture are forwarded together: when another follows, or somebody looks at what was sent. */
  readonly inRuns?: boolean;
  /** How long ago another thread received the packets. */
  readonly pipeUs?: number;
}

export class ReceivedTrack {
  readonly ring = new TransmitRing(256);
  readonly context = createCoreContext(this.ring, createSharedCounters());
  readonly controller: SendController;
  readonly track: UpTrack;
  readonly downTrack: DownTrack;
  nowUs = 1_000_000;
  readonly #map: ExtensionMap;
  readonly #spacingUs: number;
  readonly #inRuns: boolean;
  readonly #pipeUs: number;

  /** `payload`: the codec of the track as its receiver knows it. A video gets all layers. */
  constructor(
    kind: "audio" | "video",
    payloads: readonly PayloadParams[],
    payload = payloads[0]!,
    {
      rids = [],
      isOrderGuessed = false,
      map = extensionMap({}),
      content,
      isSealed = false,
      spacingUs = SPACING_US,
      inRuns = false,
      pipeUs = 0,
    }: ReceivedTrackOptions = {},
  ) {
    const { context } = this;
    this.#map = map;
    this.#spacingUs = spacingUs;
    this.#inRuns = inRuns;
    this.#pipeUs = pipeUs;
    const outlet = new Outlet(0, context.rests);
    outlet.path = 1 as PathId;
    outlet.secure = true;
    this.controller = new SendController(outlet, map, context);
    const params = {
      subscriptionId: "SU" as SubscriptionId,
      kind,
      mid: "0",
      cname: "c",
      ssrc: IDS.ssrc,
      rtxSsrc: kind === "video" ? IDS.rtxSsrc : asSsrc(0),
    };
    const writer = new PacketWriter(map, "0");
    const stream = new DownStream(params.ssrc, params.rtxSsrc, writer, this.controller, context);
    this.downTrack = new DownTrack(params, stream, this.controller, context);
    this.track = new UpTrack(
      {
        trackId: "TR" as TrackId,
        publisher: "PA" as ParticipantId,
        kind,
        mid: "0",
        payloads,
        rids,
        isOrderGuessed,
        ssrcs: [],
        content: content ?? (kind === "video" ? "camera" : "voice"),
        ...(isSealed && { isSealed }),
      },
      map,
    );
    this.know(payload);
  }

  /** Control has heard of the codec, and says how the receiver knows it, and what it may get in its place. */
  know(payload: PayloadParams, alternate?: PayloadParams): void {
    const { downTrack, track, nowUs } = this;
    downTrack.setSource({ track, payload, ...(alternate !== undefined && { alternate }) }, nowUs);
    if (!downTrack.isVideo) return;
    const choice = { ...HIGHEST_LAYERS, bitrateBps: 0 };
    downTrack.allot(choice, { choice: 0, reason: { kind: "complete" } }, Number.POSITIVE_INFINITY, nowUs);
  }

  publish({ encoding = 0, marker = false, ...options }: Published): void {
    const { track } = this;
    const packet = upPacket(this.#map, options);
    packet.bytes[1]! |= marker ? 0x80 : 0;
    packet.header.marker = marker;
    this.nowUs += this.#spacingUs;
    packet.encoding = encoding;
    packet.receivedUs = this.nowUs - this.#pipeUs;
    packet.nowUs = this.nowUs;
    const payload = track.payload(packet.header.payloadType)!;
    const { ssrc } = packet.header;
    this.context.run.admit(track, packet.header);
    const known = track.streams[encoding];
    const stream = known?.ssrc === ssrc ? known : track.startStream(ssrc, encoding, payload);
    this.context.run.precede(stream, packet.extSeq);
    stream.accept(packet, payload);
    if (track.onPayload(payload)) track.announcePayload(payload, this.nowUs, this.context.events);
    this.context.run.add(track, packet);
    if (!this.#inRuns) this.context.run.forward();
  }

  /** "payloadType payload", or with the sequence number: "payloadType #seq payload". */
  sent(format: "payloads" | "numbered" = "payloads"): string[] {
    return this.packets.map(({ header, payload }) => {
      const number = format === "numbered" ? `#${header.seq} ` : "";
      return `${header.payloadType} ${number}${toHex(payload)}`;
    });
  }

  /** What is in the ring, which holds all of it until somebody clears it. */
  get packets(): SentPacket[] {
    this.context.run.forward();
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
