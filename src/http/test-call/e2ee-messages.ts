/** Messages between the page and the worker that encrypts and decrypts its frames. */
import type { CodecName } from "../../base/codec.ts";
import type { StreamName } from "./room-keys.ts";

/**
 * `seal`: encrypt what we send. `open`: decrypt what we receive. `pass`: only inspect the frames, of streams whose
 * publisher declared no end-to-end encryption.
 */
export type TransformMode = "seal" | "open" | "pass";

/** The options of an `RTCRtpScriptTransform`. */
export interface TransformOptions {
  /** Identifies the stream in reports. */
  readonly streamId: string;
  readonly mode: TransformMode;
  readonly stream: StreamName;
  readonly roomKey: CryptoKey;
  /** Used when the browser does not report the codec of each frame. */
  readonly codec: CodecName | null;
}

export type FrameFailure =
  | "forged"
  | "replayed"
  | "not_sframe"
  | "too_many_keys"
  | "unsealable"
  | "no_key_frame";

/** Counts of the frames of one stream since it began. */
export interface FrameCounts {
  /** Sealed, opened or passed, depending on the mode. */
  readonly good: number;
  /** Dropped, because they could not be sealed or did not open. */
  readonly failed: number;
  /** Dropped as replays. Bandwidth probes resend old packets, so some are to be expected. */
  readonly repeated: number;
  readonly lastFailure: FrameFailure | null;
}

/** One frame as the server sees it. */
export interface FrameSighting {
  /** The first bytes of the frame as sent over the network, at most `SIGHTING_BYTES`. */
  readonly head: Uint8Array<ArrayBuffer>;
  readonly frameBytes: number;
  /** Milliseconds since the frame before it. */
  readonly gapMs: number;
  readonly keyFrame: boolean;
  readonly ssrc: number | null;
  readonly rtpTimestamp: number | null;
  readonly spatial: number | null;
  readonly temporal: number | null;
  readonly width: number | null;
  readonly height: number | null;
}

/** Larger: more to copy between threads. Smaller: the picture of the ciphertext fills more slowly. */
export const SIGHTING_BYTES = 4096;

export interface StreamReport {
  readonly streamId: string;
  readonly counts: FrameCounts;
  /** The newest frame since the last report. */
  readonly sighting: FrameSighting | null;
}
