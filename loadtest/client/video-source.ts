/**
 * A camera and its encoder: at each frame interval, the packets of all layers in one burst, with the codec's payload
 * descriptor and random bytes in place of an encrypted payload.
 */
import { randomFillSync } from "node:crypto";
import { descriptorOf, type FrameStructure, L1T3, L3T3_KEY, TEMPORAL } from "./frame-layers.ts";
import { FrameSizes, packetSizes } from "./frame-sizes.ts";
import { STAMP_BYTES, writeStamp } from "./packet-stamp.ts";
import type { RtpStream } from "./rtp-stream.ts";
import type { VideoMode } from "./session-offer.ts";

/** Random bytes for payloads, since end-to-end encrypted frames have no pattern either. */
const NOISE = randomFillSync(Buffer.allocUnsafe(64 * 1024));
const DESCRIPTOR_BYTES = { vp8: 6, vp9: 5 } as const;

export interface VideoSourceOptions {
  readonly mode: Exclude<VideoMode, "none">;
  /** Lowest first, bits per second; one for `single`. */
  readonly bitratesBps: readonly number[];
  readonly framesPerSecond: number;
  /** One for each encoding, lowest first; only one for SVC. */
  readonly streams: readonly RtpStream[];
  /** Index of the publisher in the whole run, for the stamp. */
  readonly publisher: number;
  readonly clock: () => number;
}

interface Layer {
  readonly index: number;
  readonly stream: RtpStream;
  /** Spatial layer in the stream: its index for SVC, else 0. */
  readonly spatial: number;
  readonly sizes: FrameSizes;
  packets: number;
  bytes: number;
}

/** Counters of one stream. */
interface StreamState {
  frameNumber: number;
  /** Pictures since the key picture. */
  place: number;
  pictureId: number;
  tl0PicIdx: number;
  needsKeyframe: boolean;
  keyframes: number;
}

export class VideoSource {
  readonly layers: readonly Layer[];
  readonly #options: VideoSourceOptions;
  readonly #structure: FrameStructure;
  readonly #states = new Map<RtpStream, StreamState>();
  #noiseAt = 0;

  constructor(options: VideoSourceOptions) {
    this.#options = options;
    const { mode, bitratesBps, framesPerSecond, streams } = options;
    this.#structure = mode === "svc" ? L3T3_KEY : L1T3;
    this.layers = bitratesBps.map((bitrateBps, index) => ({
      index,
      stream: mode === "svc" ? streams[0]! : streams[index]!,
      spatial: mode === "svc" ? index : 0,
      sizes: new FrameSizes(bitrateBps, framesPerSecond),
      packets: 0,
      bytes: 0,
    }));
    for (const stream of streams) {
      this.#states.set(stream, {
        frameNumber: 1,
        place: 0,
        pictureId: 1,
        tl0PicIdx: 0,
        needsKeyframe: true,
        keyframes: 0,
      });
    }
  }

  get keyframes(): number {
    return [...this.#states.values()].reduce((sum, state) => sum + state.keyframes, 0);
  }

  onKeyframeRequest(stream: RtpStream): void {
    this.#states.get(stream)!.needsKeyframe = true;
  }

  /** Sends the next picture of every encoding, taken at `captureUs`. */
  sendPicture(captureUs: number): void {
    for (const [stream, state] of this.#states) {
      const isKeyPicture = state.needsKeyframe;
      state.needsKeyframe = false;
      if (isKeyPicture) state.keyframes += 1;
      state.place = isKeyPicture ? 0 : state.place + 1;
      state.pictureId = (state.pictureId + 1) & 0x7fff;
      if (this.#temporal(state) === 0) state.tl0PicIdx = (state.tl0PicIdx + 1) & 0xff;
      const layers = this.layers.filter((layer) => layer.stream === stream);
      for (const layer of layers)
        this.#sendFrame(layer, state, isKeyPicture, captureUs, layer === layers.at(-1));
    }
  }

  #temporal({ place }: StreamState): number {
    return TEMPORAL[place % TEMPORAL.length]!;
  }

  #sendFrame(layer: Layer, state: StreamState, isKeyPicture: boolean, captureUs: number, top: boolean): void {
    const { clock, publisher, mode } = this.#options;
    const descriptorBytes = mode === "svc" ? DESCRIPTOR_BYTES.vp9 : DESCRIPTOR_BYTES.vp8;
    const sizes = packetSizes(layer.sizes.next(isKeyPicture), descriptorBytes + STAMP_BYTES);
    const frameNumber = state.frameNumber++;
    const timestamp = layer.stream.timestampAt(captureUs);
    sizes.forEach((bytes, i) => {
      const startsFrame = i === 0;
      const endsFrame = i === sizes.length - 1;
      const payload = this.#noise(bytes);
      if (mode === "svc") this.#writeVp9(payload, layer, state, isKeyPicture, startsFrame, endsFrame);
      else this.#writeVp8(payload, state, startsFrame);
      const nowUs = clock();
      const number = layer.packets++;
      const stamp = { sentUs: nowUs, publisher, layer: layer.index, layers: this.layers.length, number };
      writeStamp(payload, bytes, stamp);
      const { spatial } = layer;
      const structure = this.#structure;
      const descriptor = descriptorOf({
        structure,
        spatial,
        place: state.place,
        isKeyPicture,
        frameNumber,
        startsFrame,
        endsFrame,
      });
      layer.bytes += bytes;
      layer.stream.send({ marker: top && endsFrame, timestamp, payload, descriptor }, nowUs);
    });
  }

  /** RFC 7741 §4.2, with 15-bit picture id, TL0PICIDX and TID. */
  #writeVp8(payload: Uint8Array, state: StreamState, startsFrame: boolean): void {
    const { pictureId, tl0PicIdx } = state;
    payload[0] = startsFrame ? 0x90 : 0x80;
    payload[1] = 0xe0;
    payload[2] = 0x80 | (pictureId >> 8);
    payload[3] = pictureId;
    payload[4] = tl0PicIdx;
    payload[5] = this.#temporal(state) << 6;
  }

  /** RFC 9628 §4.2, non-flexible mode, with 15-bit picture id and layer indices. */
  #writeVp9(
    payload: Uint8Array,
    { spatial }: Layer,
    state: StreamState,
    isKeyPicture: boolean,
    startsFrame: boolean,
    endsFrame: boolean,
  ): void {
    const { pictureId, tl0PicIdx } = state;
    payload[0] = 0xa0 | (isKeyPicture ? 0 : 0x40) | (startsFrame ? 0x08 : 0) | (endsFrame ? 0x04 : 0);
    payload[1] = 0x80 | (pictureId >> 8);
    payload[2] = pictureId;
    payload[3] = (this.#temporal(state) << 5) | (spatial << 1) | (isKeyPicture && spatial > 0 ? 1 : 0);
    payload[4] = tl0PicIdx;
  }

  #noise(bytes: number): Uint8Array {
    this.#noiseAt = (this.#noiseAt + 61) % (NOISE.length - bytes);
    return Buffer.from(NOISE.subarray(this.#noiseAt, this.#noiseAt + bytes));
  }
}
