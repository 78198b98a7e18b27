/** One SSRC as a browser receives it, with its RTX partner: missing packets, complete frames, and shown pictures. */
import { readU16 } from "../../src/base/bytes.ts";
import type { MediaKind } from "../../src/base/codec.ts";
import { ReceiveStatistics } from "../../src/cc/receive-statistics.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { EXTENSION, type ExtensionView } from "../../src/rtp/header-extensions.ts";
import { readVp8Descriptor, Vp8Descriptor } from "../../src/rtp/payload/vp8.ts";
import type { RtpHeader } from "../../src/rtp/rtp-header.ts";
import { FrameAssembler } from "./frame-assembler.ts";
import { FrameStamp } from "./frame-stamp.ts";
import { KeyframeWish } from "./keyframe-wish.ts";
import { NackRequester } from "./nack-requester.ts";
import { SeenNumbers } from "./seen-numbers.ts";
import { SimDecoder } from "./sim-decoder.ts";

/** A picture older than this has stopped moving. */
const MOVING_US = 100_000;
/** As `sim-camera` writes it. */
const VP9_DESCRIPTOR_BYTES = 5;
const PLAYOUT_DELAY_UNIT_US = 10_000;

/** Filled and read within one call. */
const vp8 = new Vp8Descriptor();
const stamp = new FrameStamp();

export interface ViewerParams {
  readonly kind: MediaKind;
  readonly ssrc: number;
  /** 0 for none. */
  readonly rtxSsrc: number;
  readonly payload: PayloadParams;
  /** Index of the participant that publishes the track. */
  readonly publisher: number;
}

export class SimViewer {
  readonly params: ViewerParams;
  readonly numbers = new SeenNumbers();
  readonly statistics: ReceiveStatistics;
  readonly assembler = new FrameAssembler();
  readonly decoder = new SimDecoder();
  readonly keyframes = new KeyframeWish();
  /** Missing packets that arrived on the RTX stream, and payloads that differ from the publisher's. */
  readonly counts = { repaired: 0, forged: 0 };
  /** Bytes by second of arrival, including headers and retransmissions. */
  readonly bytesOfSecond: number[] = [];
  /** Whether it sends NACKs. */
  asksAgain = true;
  readonly #nack = new NackRequester();

  constructor(params: ViewerParams) {
    this.params = params;
    this.statistics = new ReceiveStatistics(params.payload.clockRate);
  }

  /** Processes a decrypted RTP packet on either SSRC. */
  receive(bytes: Uint8Array, header: RtpHeader, extensions: ExtensionView, nowUs: number): void {
    const { headerBytes, payloadBytes, paddingBytes } = header;
    const second = Math.floor(nowUs / 1_000_000);
    this.bytesOfSecond[second] =
      (this.bytesOfSecond[second] ?? 0) + headerBytes + payloadBytes + paddingBytes;
    const rtx = header.ssrc === this.params.rtxSsrc;
    // Padding on the RTX stream is not a retransmission.
    if (rtx && payloadBytes < 2) return;
    const extSeq = this.numbers.extend(rtx ? readU16(bytes, headerBytes) : header.seq);
    if (!rtx) this.statistics.onPacket(extSeq, header.timestamp, nowUs);
    if (!this.numbers.add(extSeq)) return;
    this.keyframes.onPacket(nowUs);
    if (rtx) this.counts.repaired += 1;
    if (this.params.kind === "video") this.#nack.onPacket(extSeq, rtx);
    const at = headerBytes + (rtx ? 2 : 0);
    const end = headerBytes + payloadBytes;
    // An empty packet, which fills an unused number, is part of no frame.
    if (at < end) this.#read(bytes, at, end, header, extensions, extSeq, nowUs);
  }

  /** Writes the sequence numbers to request now to `out`; returns how many. */
  missing(nowUs: number, out: Uint16Array): number {
    return this.params.kind === "video" && this.asksAgain ? this.#nack.poll(nowUs, out) : 0;
  }

  /** Whether to send a PLI now. */
  wantsKeyframe(nowUs: number): boolean {
    if (this.params.kind === "audio") return false;
    const { shownUs } = this.decoder;
    // A given-up packet does not matter once newer pictures are shown.
    if (shownUs > nowUs - MOVING_US) this.#nack.gaveUp = false;
    return this.keyframes.poll(nowUs, shownUs, this.#nack.gaveUp);
  }

  #read(
    bytes: Uint8Array,
    at: number,
    end: number,
    header: RtpHeader,
    extensions: ExtensionView,
    extSeq: number,
    nowUs: number,
  ): void {
    const isVp8 = this.params.payload.codec === "VP8";
    const stampAt = at + this.#descriptorBytes(bytes, at, end);
    if (!stamp.read(bytes, stampAt, end) || stamp.publisher !== this.params.publisher) {
      this.counts.forged += 1;
      return;
    }
    const delayAt = extensions.at[EXTENSION.playoutDelay]!;
    if (delayAt >= 0) this.decoder.playout.wantedUs = (readU16(bytes, delayAt) >> 4) * PLAYOUT_DELAY_UNIT_US;
    const descriptorAt = extensions.at[EXTENSION.dependencyDescriptor]!;
    if (descriptorAt < 0) return;
    const first = bytes[descriptorAt]!;
    const { layer, temporal, frame, reference } = stamp;
    const packet = {
      extSeq,
      timestamp: header.timestamp,
      starts: (first & 0x80) !== 0,
      ends: (first & 0x40) !== 0,
      marker: header.marker,
      pictureId: isVp8 ? vp8.pictureId : -1,
      tl0PicIdx: isVp8 ? vp8.tl0PicIdx : -1,
      frameNumber: readU16(bytes, descriptorAt + 1),
      layer,
      temporal,
      stream: isVp8 ? layer : 0,
      frame,
      reference,
    };
    const complete = this.assembler.add(packet, nowUs);
    if (complete !== undefined) this.decoder.decode(complete, nowUs);
  }

  #descriptorBytes(bytes: Uint8Array, at: number, end: number): number {
    switch (this.params.payload.codec) {
      case "VP8":
        return readVp8Descriptor(bytes, at, end - at, vp8) ? vp8.bytes : 0;
      case "VP9":
        return VP9_DESCRIPTOR_BYTES;
      default:
        return 0;
    }
  }
}
