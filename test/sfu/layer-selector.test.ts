/**
 * Goal: a receiver gets just the frames that it can decode, and what changes the layers changes them only where the
 * decoder can follow.
 * Method: tables, one packet a row, over the template structures that Chromium sends.
 */
import { describe, expect, test } from "vitest";
import type { DependencyStructure } from "../../src/rtp/dependency-structure.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import {
  type LayerSelector,
  NO_LAYER,
  SimulcastSelector,
  SvcSelector,
} from "../../src/sfu/layer-selector.ts";
import { L3T3, L3T3_KEY, SYMBOLS, VP8_L1T3 } from "./structures.ts";

/**
 * A packet, "spatial.temporal indications flags", and what becomes of it; after that, where it matters, what layers are
 * sent now. Flags: K key frame; `first`, `middle`, `last` of several packets; `max1` highest layer sent at present, `min1` lowest; Y
 * sync point; `late` behind later packets; `lost` of a structure that did not come. Without indications and `lost` the packet has no Dependency
 * Descriptor; "1: " in front names its encoding.
 *
 * "aim 1.2" and "pause" change the target; the answer is whether a key frame is needed for it.
 */
type Row = [what: string, outcome: string, current?: string];

interface Case {
  readonly name: string;
  readonly rows: readonly Row[];
}

function play(selector: LayerSelector, structure: DependencyStructure, rows: readonly Row[]): void {
  rows.forEach(([what, outcome, current], index) => {
    const row = `row ${index}: ${what}`;
    if (/^(?:aim|pause)/.test(what)) expect(aim(selector, what), row).toBe(outcome);
    else {
      const [encoding, packet] = what.includes(": ") ? what.split(": ") : ["0", what];
      const isLate = packet!.includes("late");
      const frame = frameOf(structure, packet!);
      expect(selector.select(frame, Number(encoding), index, isLate), row).toBe(outcome);
    }
    if (current !== undefined)
      expect(`${selector.currentSpatial}.${selector.currentTemporal}`, row).toBe(current);
  });
}

function aim(selector: LayerSelector, what: string): string {
  const [spatial, temporal] = what === "pause" ? [NO_LAYER, 0] : what.slice(4).split(".").map(Number);
  selector.targetSpatial = spatial!;
  selector.targetTemporal = temporal!;
  return selector.needsKeyframe ? "needs key" : "needs none";
}

function frameOf(structure: DependencyStructure, text: string): FrameInfo {
  const [layers, ...rest] = text.split(" ") as [string, ...string[]];
  const frame = new FrameInfo();
  [frame.spatial, frame.temporal] = layers.split(".").map(Number) as [number, number];
  frame.keyframe = rest.includes("K");
  frame.startsFrame = !rest.includes("middle") && !rest.includes("last");
  frame.endsFrame = !rest.includes("first") && !rest.includes("middle");
  frame.temporalSync = rest.includes("Y");
  const min = rest.find((word) => word.startsWith("min"));
  if (min !== undefined) frame.minSpatial = Number(min.slice(3));
  const max = rest.find((word) => word.startsWith("max"));
  frame.maxSpatial = max === undefined ? structure.maxSpatialOf(structure.allTargets) : Number(max.slice(3));
  if (rest.includes("lost")) frame.frameNumber = 1;
  const indications = rest.find((word) => /^[-DSR]{3,}$/.test(word));
  if (indications === undefined) return frame;
  const template = structure.templates.find(
    ({ spatial, temporal, dtis }) =>
      spatial === frame.spatial && temporal === frame.temporal && symbols(dtis) === indications,
  );
  if (template === undefined) throw new Error(`no such frame in the structure: ${text}`);
  frame.structure = structure;
  frame.dtis = template.dtis;
  return frame;
}

function symbols(dtis: Uint8Array): string {
  return [...dtis].map((dti) => SYMBOLS[dti]).join("");
}

const SIMULCAST: readonly Case[] = [
  {
    name: "starts at the first packet of a key frame of the wanted encoding",
    rows: [
      ["aim 1.2", "needs key"],
      ["1: 0.0 SRR", "other"],
      ["0: 0.0 SSS K", "other"],
      ["1: 0.0 SSS K middle", "other"],
      ["1: 0.0 SSS K last", "other", "-1.0"],
      ["1: 0.0 SSS K first", "switch", "1.2"],
      ["1: 0.0 SSS K last", "forward"],
      ["aim 1.2", "needs none"],
      ["0: 0.0 SSS K", "other"],
      ["1: 0.2 --D", "forward"],
    ],
  },
  {
    name: "stays with the old encoding until a key frame of the new one, up and down",
    rows: [
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS K", "switch"],
      ["aim 2.2", "needs key"],
      ["2: 0.0 SSS", "other"],
      ["1: 0.0 SSS K", "other"],
      ["0: 0.1 -DS", "forward", "0.2"],
      ["2: 0.0 SSS K", "switch", "2.2"],
      ["0: 0.0 SSS K", "other"],
      ["aim 1.2", "needs key"],
      ["2: 0.0 SSS K", "forward", "2.0"],
      ["1: 0.0 SSS K", "switch", "1.2"],
    ],
  },
  {
    name: "lowers the frame rate where any frame starts, not within one",
    rows: [
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS K", "switch"],
      ["0: 0.2 --D first", "forward"],
      ["aim 0.0", "needs none"],
      ["0: 0.2 --D last", "forward", "0.2"],
      ["0: 0.1 -DS", "drop", "0.0"],
      ["0: 0.2 --D", "drop"],
      ["0: 0.0 SRR", "forward"],
    ],
  },
  {
    name: "raises the frame rate at a switch point of the new target only",
    rows: [
      ["aim 0.0", "needs key"],
      ["0: 0.0 SSS K", "switch", "0.0"],
      ["aim 0.2", "needs none"],
      // A base frame that the higher layers only require, and one that the layer above may discard.
      ["0: 0.0 SRR", "forward", "0.0"],
      ["0: 0.2 --D", "drop", "0.0"],
      ["0: 0.1 -SS last", "drop", "0.0"],
      ["0: 0.1 -SS", "forward", "0.2"],
      ["0: 0.2 --D", "forward"],
      ["aim 0.1", "needs none"],
      ["0: 0.2 --D", "drop", "0.1"],
      ["aim 0.2", "needs none"],
      ["0: 0.0 SSS", "forward", "0.2"],
    ],
  },
  {
    name: "goes up one layer where only that one may be switched to",
    rows: [
      ["aim 0.0", "needs key"],
      ["0: 0.0 SSS K", "switch"],
      ["aim 0.1", "needs none"],
      ["0: 0.1 -DS", "drop", "0.0"],
      ["aim 0.2", "needs none"],
      ["0: 0.1 -DS", "forward", "0.2"],
    ],
  },
  {
    name: "changes the frame rate at no frame that comes late",
    rows: [
      ["aim 0.0", "needs key"],
      ["0: 0.0 SSS K", "switch"],
      ["aim 0.2", "needs none"],
      ["0: 0.2 --D", "drop"],
      ["0: 0.0 SSS late", "forward", "0.0"],
      ["0: 0.2 --D", "drop"],
      ["0: 0.0 SSS", "forward", "0.2"],
    ],
  },
  {
    name: "without a descriptor, up at a sync point",
    rows: [
      ["aim 0.0", "needs key"],
      ["0: 0.0 K", "switch"],
      ["0: 0.1 Y", "drop"],
      ["aim 0.2", "needs none"],
      ["0: 0.0", "forward", "0.0"],
      ["0: 0.1", "drop", "0.0"],
      ["0: 0.1 Y", "forward", "0.2"],
      ["0: 0.2", "forward"],
    ],
  },
  {
    name: "a pause stops at once, and ends at a key frame",
    rows: [
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS K first", "switch"],
      ["pause", "needs none"],
      ["0: 0.0 SSS K last", "other", "-1.2"],
      ["0: 0.0 SSS K", "other"],
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS", "other"],
      ["0: 0.0 SSS K", "switch", "0.2"],
    ],
  },
];

describe("simulcast", () => {
  test.each(SIMULCAST)("$name", ({ rows }) => play(new SimulcastSelector(), VP8_L1T3, rows));

  test("a reset waits for a key frame", () => {
    const selector = new SimulcastSelector();
    play(selector, VP8_L1T3, [
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS K", "switch"],
    ]);
    selector.reset();
    play(selector, VP8_L1T3, [
      ["aim 0.2", "needs key", "-1.2"],
      ["0: 0.0 SSS", "other"],
      ["0: 0.0 SSS K", "switch"],
    ]);
  });

  test("leaves the marker bit as the publisher set it", () => {
    const selector = new SimulcastSelector();
    play(selector, VP8_L1T3, [
      ["aim 0.2", "needs key"],
      ["0: 0.0 SSS K", "switch"],
    ]);
    expect(selector.endsPicture(frameOf(VP8_L1T3, "0.0 SSS K last"))).toBe(false);
  });
});

/** Delta pictures of L3T3_KEY: each spatial layer refers to itself only. */
const KEY_SVC: readonly Case[] = [
  {
    name: "starts at the first packet of a key picture, and then gets its own layer alone",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSS------", "other"],
      ["2.0 ------SSS", "other"],
      ["0.0 SSSSSSSSS K middle", "other", "-1.0"],
      ["0.0 SSSSSSSSS K first", "switch", "2.2"],
      ["0.0 SSSSSSSSS K last", "forward"],
      ["1.0 ---SSSSSS", "forward"],
      ["2.0 ------SSS", "forward"],
      ["0.0 SSS------", "drop"],
      ["1.0 ---SSS---", "drop"],
      ["2.0 ------SSS", "forward"],
      ["2.2 --------D", "forward"],
    ],
  },
  {
    name: "changes its spatial layer at a key picture only, up and down",
    rows: [
      ["aim 1.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
      ["1.0 ---SSSSSS", "forward"],
      ["2.0 ------SSS", "drop"],
      ["aim 0.2", "needs key"],
      ["0.0 SSS------", "drop", "1.0"],
      ["1.0 ---SSS---", "forward"],
      ["0.0 SSSSSSSSS K", "forward", "0.2"],
      ["1.0 ---SSSSSS", "drop"],
      ["aim 2.2", "needs key"],
      ["0.0 SSS------", "forward", "0.2"],
      ["2.0 ------SSS", "drop"],
      ["0.0 SSSSSSSSS K", "forward", "2.2"],
    ],
  },
  {
    name: "changes its frame rate without a key picture: down at once, up at the top frame of a picture it gets",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
      ["aim 2.0", "needs none"],
      ["2.2 --------D", "drop", "2.0"],
      ["0.0 SSS------", "drop"],
      ["2.0 ------SSS", "forward"],
      ["2.2 --------D", "drop"],
      ["aim 2.2", "needs none"],
      ["2.1 -------DS", "drop", "2.0"],
      ["2.0 ------SSS last", "forward", "2.0"],
      ["2.0 ------SSS", "forward", "2.2"],
      ["2.2 --------D", "forward"],
    ],
  },
  {
    name: "takes the highest layer that is sent for the one it wants, until more are sent",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K max1", "switch", "1.2"],
      ["aim 2.2", "needs none"],
      ["1.0 ---SSSSSS max1", "forward"],
      ["0.0 SSS------", "drop"],
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K", "forward", "2.2"],
    ],
  },
];

const FULL_SVC: readonly Case[] = [
  {
    name: "goes down in space between pictures, and up at a key picture",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
      ["1.0 ---SSSSSS", "forward"],
      ["aim 0.2", "needs key"],
      ["2.0 ------SSS", "forward", "2.2"],
      ["0.0 SSSRRRRRR", "forward", "0.2"],
      ["1.0 ---SSSRRR", "drop"],
      ["aim 1.2", "needs key"],
      ["0.0 SSSRRRRRR", "forward", "0.2"],
      ["1.0 ---SSSRRR", "drop"],
      ["0.0 SSSSSSSSS K", "forward", "1.2"],
    ],
  },
  {
    name: "changes no layer at a base frame that comes late, in the middle of another picture",
    rows: [
      ["aim 2.0", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
      ["1.0 ---SSSRRR", "forward"],
      ["aim 0.2", "needs key"],
      ["0.0 SSSRRRRRR late", "forward", "2.0"],
      ["2.0 ------SSS", "forward", "2.0"],
      ["aim 2.2", "needs none"],
      ["0.1 -DS-RR-RR", "drop"],
      ["2.0 ------SSS late", "forward", "2.0"],
      ["2.1 -------DS", "drop"],
      ["aim 0.2", "needs key"],
      ["0.0 SSSRRRRRR", "forward", "0.2"],
    ],
  },
  {
    name: "a pause stops at once, and ends at a key picture",
    rows: [
      ["aim 1.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
      ["pause", "needs none"],
      ["1.0 ---SSSSSS", "other", "-1.2"],
      ["aim 1.2", "needs key"],
      ["0.0 SSSRRRRRR", "other"],
      ["1.0 ---SSSRRR", "other"],
      ["0.0 SSSSSSSSS K", "switch", "1.2"],
    ],
  },
];

/** An encoder that is short of bandwidth stops its highest layer, and starts it again. */
const FEWER_LAYERS: readonly (Case & { readonly structure: DependencyStructure })[] = [
  {
    name: "L3T3: what is left of a picture is all that its receiver needs",
    structure: L3T3,
    rows: [
      ["aim 2.0", "needs key"],
      ["0.0 SSSSSSSSS K", "switch", "2.0"],
      ["0.0 SSSRRRRRR max1", "forward"],
      ["aim 2.0", "needs none"],
      ["1.0 ---SSSRRR max1", "forward"],
      ["0.2 --D--R--R max1", "drop"],
      ["aim 2.0", "needs none"],
      ["0.0 SSSRRRRRR", "forward"],
      ["2.0 ------SSS", "forward", "2.0"],
      ["aim 2.0", "needs none"],
    ],
  },
  {
    name: "L3T3: a key picture is where who gets less may have it back",
    structure: L3T3,
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K max1", "switch", "1.2"],
      ["aim 2.2", "needs none"],
      ["0.0 SSSRRRRRR", "forward", "1.2"],
      ["aim 2.2", "needs key"],
    ],
  },
  {
    name: "L3T3_KEY: who got the layer that ended gets nothing until the next key frame",
    structure: L3T3_KEY,
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch", "2.2"],
      ["0.0 SSS------ max1", "drop"],
      ["aim 2.2", "needs key"],
      ["1.0 ---SSS--- max1", "drop"],
      ["0.0 SSSSSSSSS K max1", "forward", "1.2"],
      ["aim 2.2", "needs none"],
    ],
  },
];

/** And one that was told to stop its lowest layer: pictures begin with the next. */
const NO_BASE: readonly (Case & { readonly structure: DependencyStructure })[] = [
  {
    name: "L3T3_KEY without S0: starts at the key frame of S1, and ends where a layer does",
    structure: L3T3_KEY,
    rows: [
      ["aim 2.2", "needs key"],
      ["1.0 ---SSS--- min1", "other"],
      ["1.0 ---SSSSSS K min1", "switch", "2.2"],
      ["2.0 ------SSS min1", "forward"],
      ["1.0 ---SSS--- min1", "drop"],
      ["2.0 ------SSS min1", "forward"],
      ["aim 0.2", "needs key"],
      ["1.0 ---SSS--- min1", "drop"],
      ["1.0 ---SSSSSS K min1", "forward", "1.2"],
      ["2.0 ------SSS min1", "drop"],
      ["aim 0.2", "needs none"],
      ["0.0 SSSSSSSSS K", "forward", "0.2"],
      ["1.0 ---SSSSSS", "drop"],
      ["aim 2.2", "needs key"],
      ["1.0 ---SSSSSS K min1 max1", "forward", "1.2"],
      ["1.0 ---SSS--- min1", "forward", "1.2"],
      ["aim 2.2", "needs key"],
    ],
  },
  {
    name: "L3T3 without S0: the lowest target is S1",
    structure: L3T3,
    rows: [
      ["aim 2.2", "needs key"],
      ["1.0 ---SSSSSS K min1", "switch", "2.2"],
      ["2.0 ------SSS min1", "forward"],
      ["aim 0.2", "needs key"],
      ["1.0 ---SSSRRR min1", "forward", "1.2"],
      ["2.0 ------SSS min1", "drop"],
      ["1.0 ---SSSRRR min1", "forward", "1.2"],
      ["aim 0.2", "needs none"],
    ],
  },
];

const LOST_STRUCTURE: readonly Case[] = [
  {
    name: "frames of a structure that was lost are passed on, and change no layers",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 lost max0", "other"],
      ["0.0 SSSSSSSSS K", "switch", "2.2"],
      ["0.0 lost max0", "forward", "2.2"],
      ["aim 2.2", "needs none"],
      ["aim 1.0", "needs key"],
      ["0.0 lost max0", "forward", "2.2"],
      ["0.0 SSSSSSSSS K", "forward", "1.0"],
      ["aim 1.2", "needs none"],
      ["0.0 lost max0", "forward", "1.0"],
      ["pause", "needs none"],
      ["0.0 lost max0", "other"],
    ],
  },
];

/** VP9's payload descriptor: key pictures, and some others, say how many layers there are. */
const UNDESCRIBED_SVC: readonly Case[] = [
  {
    name: "base frames that show no layer but their own change nothing",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 K max2", "switch", "2.2"],
      ["1.0 max1", "forward"],
      ["2.0 max2", "forward"],
      ["0.0 max0", "forward", "2.2"],
      ["aim 2.2", "needs none"],
      ["1.0 max1", "forward"],
      ["2.0 max2", "forward"],
      ["aim 1.2", "needs key"],
      ["0.0 max0", "forward", "1.2"],
      ["aim 1.2", "needs none"],
      ["2.0 max2", "drop"],
    ],
  },
  {
    name: "asks for a key frame once there are more layers, and is content with fewer from the next on",
    rows: [
      ["aim 2.2", "needs key"],
      ["0.0 K max1", "switch", "1.2"],
      ["aim 2.2", "needs none"],
      ["0.0 max2", "forward", "1.2"],
      ["aim 2.2", "needs key"],
      ["0.0 max0", "forward", "1.2"],
      ["aim 2.2", "needs key"],
      ["0.0 K max2", "forward", "2.2"],
      ["0.0 K max0", "forward", "0.2"],
      ["aim 2.2", "needs none"],
    ],
  },
];

/** One spatial layer in one stream: the frame at which more temporal layers may follow is itself of one of them. */
const SINGLE_LAYER: readonly Case[] = [
  {
    name: "VP8 by its payload descriptor gets its frame rate back at a sync point",
    rows: [
      ["aim 0.0", "needs key"],
      ["0.0 K max0", "switch", "0.0"],
      ["aim 0.2", "needs none"],
      ["0.0 max0", "forward", "0.0"],
      ["0.2 max0", "drop", "0.0"],
      ["0.1 Y max0 last", "drop", "0.0"],
      ["0.1 Y max0 first", "forward", "0.2"],
      ["0.2 max0", "forward"],
    ],
  },
  {
    name: "L1T3 gets its frame rate back at a frame of a higher temporal layer",
    rows: [
      ["aim 0.0", "needs key"],
      ["0.0 SSS K", "switch", "0.0"],
      ["aim 0.2", "needs none"],
      ["0.0 SRR", "forward", "0.0"],
      ["0.2 --D", "drop", "0.0"],
      ["0.1 -DS", "forward", "0.2"],
    ],
  },
];

describe("SVC", () => {
  test.each(SINGLE_LAYER)("$name", ({ rows }) => play(new SvcSelector(), VP8_L1T3, rows));
  test.each(FEWER_LAYERS)("$name", ({ structure, rows }) => play(new SvcSelector(), structure, rows));
  test.each(NO_BASE)("$name", ({ structure, rows }) => play(new SvcSelector(), structure, rows));
  test.each(LOST_STRUCTURE)("$name", ({ rows }) => play(new SvcSelector(), L3T3, rows));
  test.each(UNDESCRIBED_SVC)("without a descriptor $name", ({ rows }) => {
    play(new SvcSelector(), L3T3, rows);
  });
  test.each(KEY_SVC)("L3T3_KEY $name", ({ rows }) => play(new SvcSelector(), L3T3_KEY, rows));
  test.each(FULL_SVC)("L3T3 $name", ({ rows }) => play(new SvcSelector(), L3T3, rows));

  test("the last packet of the highest frame sent ends the picture", () => {
    const selector = new SvcSelector();
    play(selector, L3T3_KEY, [
      ["aim 1.2", "needs key"],
      ["0.0 SSSSSSSSS K", "switch"],
    ]);
    const ends = (packet: string): boolean => selector.endsPicture(frameOf(L3T3_KEY, packet), 0);
    expect(ends("0.0 SSSSSSSSS K last")).toBe(false);
    expect(ends("1.0 ---SSSSSS first")).toBe(false);
    expect(ends("1.0 ---SSSSSS last")).toBe(true);
    selector.targetSpatial = 0;
    selector.select(frameOf(L3T3_KEY, "0.0 SSSSSSSSS K"), 0, 0, false);
    expect(ends("0.0 SSSSSSSSS K last")).toBe(true);
    expect(ends("0.0 lost last")).toBe(false);
  });
});
