/**
 * Dependency Descriptors of the load publishers' video, as Chromium writes them: three temporal layers in the pattern
 * T0 T2 T1 T2, for VP8 with one spatial layer (each simulcast encoding), for VP9 SVC with three (L3T3_KEY).
 */
import { writeU16 } from "../../src/base/bytes.ts";

/** With the five flags before it: a structure follows. */
const VP8_L1T3 = Buffer.from("8002044eaaaf2860414d34538a0940404fc02cc0", "hex");
const VP9_L3T3_KEY = Buffer.from(
  "80081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d5" +
    "4923157e001974ca864330e222396eca8655304224390eca87753013f00b3027f016704ff02cf",
  "hex",
);

/** Templates of one spatial layer: for a key picture, and then by position in the pattern. */
interface LayerTemplates {
  readonly key: number;
  readonly pattern: readonly number[];
}

export interface FrameStructure {
  readonly bytes: Uint8Array;
  /** Lowest first. */
  readonly layers: readonly LayerTemplates[];
}

export const L1T3: FrameStructure = { bytes: VP8_L1T3, layers: [{ key: 0, pattern: [1, 5, 4, 5] }] };
export const L3T3_KEY: FrameStructure = {
  bytes: VP9_L3T3_KEY,
  layers: [
    { key: 0, pattern: [1, 3, 2, 4] },
    { key: 5, pattern: [6, 8, 7, 9] },
    { key: 10, pattern: [11, 13, 12, 14] },
  ],
};

/** Temporal layers by position in the pattern. */
export const TEMPORAL = [0, 2, 1, 2] as const;

export interface DescriptorOptions {
  readonly structure: FrameStructure;
  readonly spatial: number;
  /** Position of the picture in the pattern, counted from its key picture; ignored for a key picture. */
  readonly place: number;
  readonly isKeyPicture: boolean;
  /** 16 bits. */
  readonly frameNumber: number;
  readonly startsFrame: boolean;
  readonly endsFrame: boolean;
}

/** The extension's data for one packet. The structure goes with the first packet of a key picture. */
export function descriptorOf(options: DescriptorOptions): Uint8Array {
  const { structure, spatial, place, isKeyPicture, frameNumber, startsFrame, endsFrame } = options;
  const templates = structure.layers[spatial]!;
  const template = isKeyPicture ? templates.key : templates.pattern[place % templates.pattern.length]!;
  const attached = isKeyPicture && spatial === 0 && startsFrame ? structure.bytes : null;
  const out = new Uint8Array(3 + (attached?.length ?? 0));
  out[0] = (startsFrame ? 0x80 : 0) | (endsFrame ? 0x40 : 0) | template;
  writeU16(out, 1, frameNumber & 0xffff);
  if (attached !== null) out.set(attached, 3);
  return out;
}
