/**
 * A camera with its encoders: VP8 in three encodings, or VP9 in three spatial layers (L3T3_KEY), of three temporal
 * layers each, at about Chromium's rates for a face. Frame sizes vary; key frames are several times larger.
 */

import {
  descriptorOf,
  type FrameStructure,
  L1T3,
  L3T3_KEY,
  TEMPORAL,
} from "../../loadtest/client/frame-layers.ts";
import { FrameSizes, packetSizes } from "../../loadtest/client/frame-sizes.ts";
import { writeU16 } from "../../src/base/bytes.ts";
import { FrameStamp, STAMP_BYTES } from "./frame-stamp.ts";
import { normalRandom, seededRandom } from "./seeded-random.ts";
import type { VideoKind } from "./session-parameters.ts";
import type { MediaPacket, SimRtpStream } from "./sim-rtp-stream.ts";

export const FRAMES_PER_SECOND = 30;
/** Lowest first; those of the spatial layers are what each adds. */
export const BITRATES_BPS: Readonly<Record<VideoKind, readonly number[]>> = {
  simulcast: [150_000, 500_000, 1_700_000],
  svc: [150_000, 400_000, 1_250_000],
};

/** Size of a delta frame by temporal layer, relative to the average of the pattern T0 T2 T1 T2: lower are larger. */
const TEMPORAL_WEIGHT = [1.6, 0.9, 0.75] as const;
/** Standard deviation of frame sizes, relative to their mean. */
const VARIATION = 0.25;
const DESCRIPTOR_BYTES: Readonly<Record<VideoKind, number>> = { simulcast: 6, svc: 5 };
const STRUCTURE: Readonly<Record<VideoKind, FrameStructure>> = { simulcast: L1T3, svc: L3T3_KEY };

/** Filled and written within one call. */
const stamp = new FrameStamp();

/** One SSRC: an encoding, or all spatial layers. */
class Encoder {
  readonly stream: SimRtpStream;
  isActive = true;
  needsKeyframe = true;
  /** Close to wrapping, so that they wrap within a minute. */
  frameNumber = 65_500;
  pictureId = 32_700;
  tl0PicIdx = 250;
  /** Pictures since the key picture. */
  place = 0;
  /** Frames and packets made so far: ids for the decoder, which do not wrap. */
  frames = 0;
  packets = 0;
  /** By spatial layer: its latest frame of each temporal layer. */
  readonly latest: number[][] = [];

  constructor(stream: SimRtpStream) {
    this.stream = stream;
  }
}

interface Layer {
  readonly encoder: Encoder;
  /** Encoding or spatial layer. */
  readonly index: number;
  /** Spatial layer in its stream. */
  readonly spatial: number;
  readonly isTop: boolean;
  readonly sizes: FrameSizes;
}

export interface CapturedPacket {
  readonly encoder: Encoder;
  readonly packet: MediaPacket;
}

export class SimCamera {
  readonly encoders: readonly Encoder[];
  readonly #kind: VideoKind;
  readonly #publisher: number;
  readonly #layers: readonly Layer[];
  readonly #random: () => number;

  /** `streams`: one for each encoding, lowest first; only one for SVC. */
  constructor(kind: VideoKind, streams: readonly SimRtpStream[], publisher: number, seed: number) {
    this.#kind = kind;
    this.#publisher = publisher;
    this.#random = seededRandom(seed);
    this.encoders = streams.map((stream) => new Encoder(stream));
    this.#layers = BITRATES_BPS[kind].map((bitrateBps, index) => ({
      encoder: this.encoders[kind === "svc" ? 0 : index]!,
      index,
      spatial: kind === "svc" ? index : 0,
      isTop: kind === "simulcast" || index === BITRATES_BPS[kind].length - 1,
      sizes: new FrameSizes(bitrateBps, FRAMES_PER_SECOND),
    }));
  }

  requestKeyframe(ssrc: number): void {
    for (const encoder of this.encoders) if (encoder.stream.ssrc === ssrc) encoder.needsKeyframe = true;
  }

  /** Encodes up to this encoding from now on; encodings turned on start with a key frame. Returns those turned off. */
  encodeUpTo(highest: number): SimRtpStream[] {
    const stopped: SimRtpStream[] = [];
    this.encoders.forEach((encoder, index) => {
      const isActive = index <= highest;
      if (encoder.isActive === isActive) return;
      encoder.isActive = isActive;
      encoder.needsKeyframe = isActive;
      if (!isActive) stopped.push(encoder.stream);
    });
    return stopped;
  }

  /** The packets of the next picture of all encodings that are on. */
  capture(nowUs: number): CapturedPacket[] {
    const active = this.encoders.filter(({ isActive }) => isActive);
    for (const encoder of active) {
      encoder.place = encoder.needsKeyframe ? 0 : encoder.place + 1;
      encoder.pictureId = (encoder.pictureId + 1) & 0x7fff;
      if (temporalOf(encoder) === 0) encoder.tl0PicIdx = (encoder.tl0PicIdx + 1) & 0xff;
    }
    const layers = this.#layers.filter(({ encoder }) => encoder.isActive);
    const captured = layers.flatMap((layer) => this.#encode(layer, nowUs));
    for (const encoder of active) encoder.needsKeyframe = false;
    return captured;
  }

  #encode(layer: Layer, nowUs: number): CapturedPacket[] {
    const { encoder, index, spatial, isTop } = layer;
    const temporal = temporalOf(encoder);
    const isKeyPicture = encoder.needsKeyframe;
    const frameNumber = encoder.frameNumber++;
    stamp.publisher = this.#publisher;
    stamp.layer = index;
    stamp.temporal = temporal;
    stamp.frame = ++encoder.frames;
    stamp.reference = this.#refer(layer, temporal, stamp.frame);
    const sizes = packetSizes(this.#frameBytes(layer, temporal), DESCRIPTOR_BYTES[this.#kind] + STAMP_BYTES);
    const timestamp = encoder.stream.timestampAt(nowUs);
    return sizes.map((bytes, i) => {
      const startsFrame = i === 0;
      const endsFrame = i === sizes.length - 1;
      const payload = this.#payload(encoder, spatial, bytes, startsFrame, endsFrame);
      const structure = STRUCTURE[this.#kind];
      const { place } = encoder;
      const descriptor = descriptorOf({
        structure,
        spatial,
        place,
        isKeyPicture,
        frameNumber,
        startsFrame,
        endsFrame,
      });
      const packet = { marker: isTop && endsFrame, timestamp, payload, descriptor, audioLevel: 0 };
      return { encoder, packet };
    });
  }

  #frameBytes({ encoder, sizes }: Layer, temporal: number): number {
    const bytes = sizes.next(encoder.needsKeyframe);
    if (encoder.needsKeyframe) return bytes;
    const variation = Math.max(-0.6, Math.min(1, VARIATION * normalRandom(this.#random)));
    return Math.round(bytes * TEMPORAL_WEIGHT[temporal]! * (1 + variation));
  }

  /**
   * The frame that `frame` is predicted from, 0 for none: the latest of a lower temporal layer, for T0 the previous T0;
   * in key pictures, the spatial layer below.
   */
  #refer({ encoder, spatial }: Layer, temporal: number, frame: number): number {
    const below = encoder.latest[spatial - 1]?.[0] ?? 0;
    if (encoder.needsKeyframe) encoder.latest[spatial] = [];
    encoder.latest[spatial] ??= [];
    const latest = encoder.latest[spatial];
    const lower = latest
      .slice(0, Math.max(1, temporal))
      .reduce((newest, one) => Math.max(newest, one ?? 0), 0);
    latest[temporal] = frame;
    return encoder.needsKeyframe ? below : lower;
  }

  #payload(encoder: Encoder, spatial: number, bytes: number, starts: boolean, ends: boolean): Uint8Array {
    const payload = Buffer.allocUnsafe(bytes);
    if (this.#kind === "svc") writeVp9(payload, encoder, spatial, starts, ends);
    else writeVp8(payload, encoder, starts);
    stamp.packet = encoder.packets++;
    stamp.write(payload, DESCRIPTOR_BYTES[this.#kind], bytes);
    return payload;
  }
}

const temporalOf = ({ place }: Encoder): number => TEMPORAL[place % TEMPORAL.length]!;

/** RFC 7741 §4.2, with 15-bit picture id, TL0PICIDX and TID. */
function writeVp8(payload: Uint8Array, encoder: Encoder, starts: boolean): void {
  payload[0] = starts ? 0x90 : 0x80;
  payload[1] = 0xe0;
  writeU16(payload, 2, 0x8000 | encoder.pictureId);
  payload[4] = encoder.tl0PicIdx;
  payload[5] = temporalOf(encoder) << 6;
}

/** RFC 9628 §4.2, non-flexible mode, with 15-bit picture id and layer indices. */
function writeVp9(
  payload: Uint8Array,
  encoder: Encoder,
  spatial: number,
  starts: boolean,
  ends: boolean,
): void {
  const { needsKeyframe, pictureId, tl0PicIdx } = encoder;
  payload[0] = 0xa0 | (needsKeyframe ? 0 : 0x40) | (starts ? 0x08 : 0) | (ends ? 0x04 : 0);
  writeU16(payload, 1, 0x8000 | pictureId);
  payload[3] = (temporalOf(encoder) << 5) | (spatial << 1) | (needsKeyframe && spatial > 0 ? 1 : 0);
  payload[4] = tl0PicIdx;
}
