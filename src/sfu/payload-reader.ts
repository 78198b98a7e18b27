/**
 * The one door of the SFU to payload descriptors: the bytes that packetisers put before the (encrypted) frame.
 *
 * Used where a codec keeps numbers there that must go on over a switch (VP8, VP9), and for layers where a publisher sends no
 * Dependency Descriptor (Firefox). Nothing behind the descriptor matters to us, but for the bit by which VP8 without
 * Dependency Descriptor tells its key frames; for redundant audio, which is taken apart for a receiver that does not know
 * it, where the track is not encrypted; and for the clear end of frames that are said to be encrypted.
 */
import { type CodecName, isAudio } from "../base/codec.ts";
import { readAv1 } from "../rtp/payload/av1.ts";
import { H264Reader } from "../rtp/payload/h264.ts";
import { endsSealed } from "../rtp/payload/livekit-trailer.ts";
import type { PictureNumbers } from "../rtp/payload/picture-numbers.ts";
import { readRedPrimary } from "../rtp/payload/red.ts";
import { readVp8, readVp8Descriptor, Vp8Descriptor } from "../rtp/payload/vp8.ts";
import { readVp9, readVp9Descriptor, Vp9Descriptor } from "../rtp/payload/vp9.ts";
import type { UpPacket } from "./up-packet.ts";

/** One descriptor at a time, for all streams of the thread. */
const vp8 = new Vp8Descriptor();
const vp9 = new Vp9Descriptor();

/** Reads payload descriptors of one stream, and extends picture ids beyond their 7 or 15 bits. */
export class PayloadReader {
  /** The highest picture id so far, extended. */
  #pictureId = -1;
  /** Where the encoder last restarted its ids: the packet, and the highest id before it. */
  #restartExtSeq = -1;
  #idBeforeRestart = -1;
  readonly #h264 = new H264Reader();

  /** Fills the picture numbers of `packet`, if it has any. `isNewest`: no packet that was sent later has arrived. */
  readNumbers(packet: UpPacket, codec: CodecName, isNewest: boolean): void {
    const { header, bytes, frame, extSeq } = packet;
    const numbers = pictureNumbers(bytes, header.headerBytes, header.payloadBytes, codec);
    if (numbers === null) return;
    packet.tl0PicIdx = numbers.tl0PicIdx;
    if (numbers.pictureIdBits === 0) return;
    const cycle = 1 << numbers.pictureIdBits;
    const extended = this.#extend(numbers.pictureId, cycle, extSeq);
    const isBehind = isNewest && extended < this.#pictureId;
    if (isBehind && frame.keyframe && frame.startsFrame) {
      // The encoder restarted its ids, or half a cycle was lost: extended ids must still grow.
      packet.extPictureId = extended + cycle;
      this.#restartExtSeq = extSeq;
      this.#idBeforeRestart = this.#pictureId;
    } else packet.extPictureId = extended;
    this.#pictureId = Math.max(this.#pictureId, packet.extPictureId);
  }

  /** Fills `packet.frame`. Returns false when the descriptor is malformed. */
  read(packet: UpPacket, codec: CodecName): boolean {
    const { header, bytes, frame } = packet;
    const at = header.headerBytes;
    const length = header.payloadBytes;
    switch (codec) {
      case "VP8":
        if (!readVp8(bytes, at, length, vp8, frame)) return false;
        frame.endsFrame = header.marker;
        return true;
      case "VP9":
        return readVp9(bytes, at, length, vp9, frame);
      case "H264":
        return this.#h264.read(bytes, at, length, header.timestamp, header.marker, frame);
      case "AV1":
        return readAv1(bytes, at, length, header.marker, frame);
      case "opus":
      case "red":
        return false;
      default:
        return codec satisfies never;
    }
  }

  /** The extended id nearest to the highest so far; starts one cycle up, to stay positive. */
  #extend(id: number, cycle: number, extSeq: number): number {
    if (this.#pictureId < 0) return cycle + id;
    const nearest = extSeq < this.#restartExtSeq ? this.#idBeforeRestart : this.#pictureId;
    const half = cycle / 2;
    const step = ((id - (nearest % cycle) + half + cycle) % cycle) - half;
    return nearest + step;
  }
}

/** The numbers in the descriptor at the start of the payload `packet[at, at + length)`; null if its codec has none. */
function pictureNumbers(
  packet: Uint8Array,
  at: number,
  length: number,
  codec: CodecName,
): PictureNumbers | null {
  if (codec === "VP8" && readVp8Descriptor(packet, at, length, vp8)) return vp8;
  if (codec === "VP9" && readVp9Descriptor(packet, at, length, vp9)) return vp9;
  return null;
}

/** Overwrites picture id and TL0PICIDX of the payload `packet[at, at + length)`. */
export function rewriteNumbers(
  packet: Uint8Array,
  at: number,
  length: number,
  codec: CodecName,
  pictureId: number,
  tl0PicIdx: number,
): void {
  pictureNumbers(packet, at, length, codec)?.rewrite(packet, pictureId, tl0PicIdx);
}

/** The primary block of a RED packet; undefined when it has none. */
export function redPrimary({ bytes, header }: UpPacket): Uint8Array | undefined {
  const at = readRedPrimary(bytes, header.headerBytes, header.payloadBytes);
  return at < 0 ? undefined : bytes.subarray(at, header.headerBytes + header.payloadBytes);
}

/**
 * Whether a frame ends with this packet, in a codec whose sealed frames can be recognised: video frames end with the marker
 * bit, audio frames with each packet.
 */
export function endsFrame({ header }: UpPacket, codec: CodecName): boolean {
  if (codec === "AV1") return false;
  return header.marker || isAudio(codec);
}

/** Whether the frame that ends with this packet looks end-to-end encrypted. A RED packet ends with its primary block. */
export function looksSealed({ bytes, header }: UpPacket, codec: CodecName): boolean {
  return endsSealed(bytes, header.headerBytes, header.payloadBytes, isAudio(codec));
}
