/**
 * The worker through which every frame goes, between encoder and packetiser, and between depacketiser and decoder.
 *
 * A frame that cannot be sealed is not sent; one that does not open is not shown. Nothing is passed through unchanged
 * except streams that are declared unencrypted, which the page marks in red.
 */
import type { CodecName } from "../../base/codec.ts";
import {
  type FrameFailure,
  type FrameSighting,
  SIGHTING_BYTES,
  type StreamReport,
  type TransformOptions,
} from "./e2ee-messages.ts";
import { packSealedFrame, splitPlainFrame, unpackSealedFrame } from "./frame-format.ts";
import { deriveBaseKey, generateKid } from "./room-keys.ts";
import { concat, SframeSealer } from "./sframe.ts";
import { StreamOpener } from "./stream-opener.ts";

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;
type Metadata = RTCEncodedVideoFrameMetadata & RTCEncodedAudioFrameMetadata;

/** The parts of the worker's scope that TypeScript declares only in its "webworker" library. */
interface Transformer {
  readonly options: TransformOptions;
  readonly readable: ReadableStream<Frame>;
  readonly writable: WritableStream<Frame>;
  sendKeyFrameRequest?(): Promise<unknown>;
}
declare const self: {
  onrtctransform: (event: { readonly transformer: Transformer }) => void;
  postMessage(reports: StreamReport[]): void;
};

/** Eight times a second. Larger: the picture of the ciphertext stutters. Smaller: the page uses more CPU. */
const REPORT_MS = 125;
/** Larger: a picture stays frozen longer when the request is lost. Smaller: the sender makes more key frames. */
const KEY_FRAME_RETRY_MS = 1_000;

/**
 * With simulcast, one sender has several encodings: the widest is shown, until it was missing for this time. Larger: an
 * encoding that is switched off is shown for longer. Smaller: slow cameras seem to jump between sizes.
 */
const ENCODING_LOST_MS = 1_000;

/** Transforms a frame's bytes for one mode: returns the new bytes, or why the frame is dropped. */
type Change = (codec: CodecName, bytes: Uint8Array) => Promise<Uint8Array | FrameFailure | "replayed">;

const taps = new Set<Tap>();

self.onrtctransform = ({ transformer }) => {
  const tap = new Tap(transformer);
  taps.add(tap);
  // The pipe ends with the transceiver; its last counts are in the last report.
  void tap.run().finally(() => taps.delete(tap));
};

setInterval(() => {
  const reports = [...taps].flatMap((tap) => tap.report() ?? []);
  if (reports.length > 0) self.postMessage(reports);
}, REPORT_MS);

/** One direction of one transceiver. */
class Tap {
  readonly #transformer: Transformer;
  #good = 0;
  #failed = 0;
  #repeated = 0;
  #lastFailure: FrameFailure | null = null;
  #sighting: FrameSighting | null = null;
  #lastFrameMs = 0;
  #sightedWidth = 0;
  /** A decoder must not get a delta frame after a frame that it may depend on was dropped. */
  #needsKeyFrame = false;
  #keyFrameAskedMs = 0;

  constructor(transformer: Transformer) {
    this.#transformer = transformer;
  }

  async run(): Promise<void> {
    const { options, readable, writable } = this.#transformer;
    const change = await changeFor(options);
    const transform = (frame: Frame, out: TransformStreamDefaultController<Frame>): Promise<void> =>
      this.#pass(frame, change, out);
    // Ends by rejection when the connection closes in the middle of a frame.
    await readable
      .pipeThrough(new TransformStream({ transform }))
      .pipeTo(writable)
      .catch(() => {});
  }

  report(): StreamReport | undefined {
    if (this.#good + this.#failed === 0) return undefined;
    const sighting = this.#sighting;
    this.#sighting = null;
    const counts = {
      good: this.#good,
      failed: this.#failed,
      repeated: this.#repeated,
      lastFailure: this.#lastFailure,
    };
    return { streamId: this.#transformer.options.streamId, counts, sighting };
  }

  async #pass(frame: Frame, change: Change, out: TransformStreamDefaultController<Frame>): Promise<void> {
    const { mode, codec } = this.#transformer.options;
    const metadata = frame.getMetadata() as Metadata;
    const before = new Uint8Array(frame.data);
    if (mode !== "seal") this.#sight(before, frame, metadata);

    const frameCodec = codecOf(metadata) ?? codec;
    const after = frameCodec === null ? "unsealable" : await change(frameCodec, before);
    if (after === "replayed") {
      this.#repeated += 1;
      return;
    }
    if (typeof after === "string") return this.#drop(after);
    if (mode === "open" && this.#needsKeyFrame && !isKeyFrame(frame)) return this.#drop("no_key_frame");
    this.#needsKeyFrame = false;
    frame.data = after.slice().buffer;
    if (mode === "seal") this.#sight(after, frame, metadata);
    this.#good += 1;
    out.enqueue(frame);
  }

  #drop(failure: FrameFailure): void {
    this.#failed += 1;
    // Waiting for a key frame is a consequence: the cause is reported.
    if (failure !== "no_key_frame") this.#lastFailure = failure;
    const { mode, stream } = this.#transformer.options;
    if (mode !== "open" || stream.kind !== "video") return;
    this.#needsKeyFrame = true;
    const nowMs = performance.now();
    if (nowMs - this.#keyFrameAskedMs < KEY_FRAME_RETRY_MS) return;
    this.#keyFrameAskedMs = nowMs;
    // Rejects when the receiver has stopped: then the frame is not needed.
    void this.#transformer.sendKeyFrameRequest?.().catch(() => {});
  }

  #sight(bytes: Uint8Array, frame: Frame, metadata: Metadata): void {
    const nowMs = performance.now();
    const width = metadata.width || this.#sightedWidth;
    if (width < this.#sightedWidth && nowMs - this.#lastFrameMs < ENCODING_LOST_MS) return;
    this.#sightedWidth = width;
    this.#sighting = {
      head: bytes.slice(0, SIGHTING_BYTES) as Uint8Array<ArrayBuffer>,
      frameBytes: bytes.length,
      gapMs: this.#lastFrameMs === 0 ? 0 : nowMs - this.#lastFrameMs,
      keyFrame: isKeyFrame(frame) && this.#transformer.options.stream.kind === "video",
      ssrc: metadata.synchronizationSource ?? null,
      rtpTimestamp: metadata.rtpTimestamp ?? null,
      spatial: metadata.spatialIndex ?? null,
      temporal: metadata.temporalIndex ?? null,
      width: metadata.width ?? null,
      height: metadata.height ?? null,
    };
    this.#lastFrameMs = nowMs;
  }
}

async function changeFor({ mode, stream, roomKey }: TransformOptions): Promise<Change> {
  if (mode === "pass") return async (_codec, bytes) => bytes;
  if (mode === "open") return openWith(new StreamOpener(roomKey, stream));
  const kid = generateKid();
  return sealWith(await SframeSealer.create(kid, await deriveBaseKey(roomKey, stream, kid)));
}

function sealWith(sealer: SframeSealer): Change {
  return async (codec, bytes) => {
    const plain = splitPlainFrame(codec, bytes);
    if (plain === undefined) return "unsealable";
    const { clear, secret } = plain;
    return packSealedFrame(codec, { clear, sframe: await sealer.seal(secret, clear) });
  };
}

function openWith(opener: StreamOpener): Change {
  return async (codec, bytes) => {
    const sealed = unpackSealedFrame(codec, bytes);
    if (sealed === undefined) return "not_sframe";
    const secret = await opener.open(sealed.sframe, sealed.clear);
    return typeof secret === "string" ? secret : concat(sealed.clear, secret);
  };
}

/** Every audio frame can be decoded by itself. */
function isKeyFrame(frame: Frame): boolean {
  return !("type" in frame) || frame.type === "key";
}

const CODECS: Readonly<Record<string, CodecName>> = {
  "audio/opus": "opus",
  "video/vp8": "VP8",
  "video/vp9": "VP9",
  "video/h264": "H264",
  "video/av1": "AV1",
};

function codecOf(metadata: Metadata): CodecName | undefined {
  return CODECS[metadata.mimeType?.toLowerCase() ?? ""];
}
