/** Template structures for tests: those that Chromium sends, and full SVC. */
import { DependencyDescriptorReader } from "../../src/rtp/dependency-descriptor.ts";
import { DependencyStructure } from "../../src/rtp/dependency-structure.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import { hex } from "../rtp/hex.ts";

/** Decode target indications as the specification writes them, by number. */
export const SYMBOLS = "-DSR";

/** Captured from Chromium. L1T3 has no switch point in its ordinary base frames (SRR). */
export const VP8_L1T3 = structureOf("c000018002044eaaaf2860414d34538a0940404fc02cc0");
/** A whole descriptor. */
export const L3T3_KEY_TEXT =
  "c00001c0081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d54923157e001974ca864330e222396eca8655304224390eca87753013f00b3027f016704ff02cf0380";
export const L3T3_KEY = structureOf(L3T3_KEY_TEXT);
/** Full SVC (webrtc-svc, L3T3): every frame of a picture refers to the one below it. */
export const L3T3 = new DependencyStructure(
  0,
  9,
  [
    "0.0 SSSSSSSSS K",
    "0.0 SSSRRRRRR",
    "0.1 -DS-RR-RR",
    "0.2 --D--R--R",
    "1.0 ---SSSSSS",
    "1.0 ---SSSRRR",
    "1.1 ----DS-RR",
    "1.2 -----D--R",
    "2.0 ------SSS",
    "2.1 -------DS",
    "2.2 --------D",
  ].map((template) => {
    const [layers, dtis, key] = template.split(" ") as [string, string, string?];
    const [spatial, temporal] = layers.split(".").map(Number) as [number, number];
    return {
      spatial,
      temporal,
      dtis: Uint8Array.from(dtis, (c) => SYMBOLS.indexOf(c)),
      independent: key === "K",
    };
  }),
  3,
  [],
);

function structureOf(text: string): DependencyStructure {
  const [bytes, frame] = [hex(text), new FrameInfo()];
  if (!new DependencyDescriptorReader().read(bytes, 0, bytes.length, frame)) throw new Error("no structure");
  return frame.structure!;
}
