/**
 * Goal: descriptors that Chromium sent are understood to the last bit, and nothing else does harm.
 * Method: captured extension data of each codec and scalability mode; variations made by rewriting single fields.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { DependencyDescriptorReader, writeFrameNumber } from "../../src/rtp/dependency-descriptor.ts";
import { DependencyStructure } from "../../src/rtp/dependency-structure.ts";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import { hex, toHex } from "./hex.ts";

const VP8_L1T3 = "c000018002044eaaaf2860414d34538a0940404fc02cc0";
const L3T3_KEY =
  "c00001c0081485214eaaaaa8000600004000100002aa80a8000600004000100002a000a800060000400016d549241b5524906d54923157e001974ca864330e222396eca8655304224390eca87753013f00b3027f016704ff02cf0380";

let reader: DependencyDescriptorReader;
let frame: FrameInfo;

beforeEach(() => {
  reader = new DependencyDescriptorReader();
  frame = new FrameInfo();
});

function read(text: string): boolean {
  const bytes = hex(text);
  return reader.read(bytes, 0, bytes.length, frame);
}

/** Bits, padded with zeros to whole bytes. */
function fromBits(text: string): string {
  const bits = text.replaceAll(" ", "");
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0").match(/.{8}/g)!;
  return bytes.map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, "0")).join("");
}

const symbols = (dtis: Uint8Array): string => [...dtis].map((dti) => "-DSR"[dti]).join("");

/** Templates as "spatial.temporal indications", K when independent. */
const templates = (structure: DependencyStructure): string[] =>
  structure.templates.map(
    ({ spatial, temporal, dtis, independent }) =>
      `${spatial}.${temporal} ${symbols(dtis)}${independent ? " K" : ""}`,
  );

describe("key frames of Chromium", () => {
  const L1T3_VP8 = ["0.0 SSS K", "0.0 SSS", "0.0 SRR", "0.1 -SS", "0.1 -DS", "0.2 --D", "0.2 --D"];
  const L1T1 = ["0.0 S K", "0.0 S"];
  test.each([
    { name: "VP8 q", data: VP8_L1T3, found: L1T3_VP8, chains: 0, number: 1, ends: true, sizes: ["320x180"] },
    {
      name: "VP8 h",
      data: "8000358002044eaaaf2860414d34538a0940409fc059c0",
      found: L1T3_VP8,
      chains: 0,
      number: 53,
      ends: false,
      sizes: ["640x360"],
    },
    { name: "H264", data: "c0000180003a410100", found: L1T1, chains: 1, number: 1, ends: true, sizes: [] },
    {
      name: "VP9 simulcast",
      data: "c00001800214eaa860414d1410208427013f00b3",
      found: ["0.0 SSS K", "0.0 SSS", "0.1 -DS", "0.2 --D", "0.2 --D"],
      chains: 1,
      number: 1,
      ends: true,
      sizes: ["320x180"],
    },
    {
      name: "AV1 simulcast",
      data: "c0000180003a4101809f805980",
      found: L1T1,
      chains: 1,
      number: 1,
      ends: true,
      sizes: ["320x180"],
    },
  ])("$name", ({ data, found, chains, number, ends, sizes }) => {
    expect(read(data)).toBe(true);
    const structure = frame.structure!;
    expect(frame).toMatchObject({ spatial: 0, temporal: 0, keyframe: true, startsFrame: true });
    expect(frame).toMatchObject({ endsFrame: ends, frameNumber: number, maxSpatial: 0 });
    expect(templates(structure)).toEqual(found);
    expect(structure.chains).toBe(chains);
    expect(structure.resolutions.map(({ width, height }) => `${width}x${height}`)).toEqual(sizes);
  });

  test("VP9 L3T3_KEY: nine targets, three of each spatial layer", () => {
    expect(read(L3T3_KEY)).toBe(true);
    // A call starts with little bandwidth: of the targets only those of the smallest layer are active (000000111).
    expect(frame).toMatchObject({ keyframe: true, spatial: 0, temporal: 0, maxSpatial: 0, maxTemporal: 2 });
    const structure = frame.structure!;
    expect(structure.chains).toBe(3);
    expect(structure.resolutions).toEqual([
      { width: 320, height: 180 },
      { width: 640, height: 360 },
      { width: 1280, height: 720 },
    ]);
    expect(templates(structure)).toEqual([
      "0.0 SSSSSSSSS K",
      "0.0 SSS------",
      "0.1 -DS------",
      "0.2 --D------",
      "0.2 --D------",
      "1.0 ---SSSSSS",
      "1.0 ---SSS---",
      "1.1 ----DS---",
      "1.2 -----D---",
      "1.2 -----D---",
      "2.0 ------SSS",
      "2.0 ------SSS",
      "2.1 -------DS",
      "2.2 --------D",
      "2.2 --------D",
    ]);
    for (let spatial = 0; spatial < 3; spatial++) {
      for (let temporal = 0; temporal < 3; temporal++) {
        expect(structure.target(spatial, temporal)).toBe(spatial * 3 + temporal);
      }
    }
    expect(structure.target(7, 7)).toBe(8);
  });
});

describe("frames after it", () => {
  test.each([
    { name: "VP8, T2", key: VP8_L1T3, data: "c6007b", spatial: 0, temporal: 2, dtis: "--D", number: 123 },
    {
      name: "VP9, S2T1",
      key: L3T3_KEY,
      data: "cc007b",
      spatial: 2,
      temporal: 1,
      dtis: "-------DS",
      number: 123,
    },
    {
      name: "VP8 with custom fdiffs",
      key: VP8_L1T3,
      data: "c0004512e0",
      spatial: 0,
      temporal: 0,
      dtis: "SSS",
      number: 69,
    },
    {
      name: "H264",
      key: "c0000180003a410100",
      data: "c1004d",
      spatial: 0,
      temporal: 0,
      dtis: "S",
      number: 77,
    },
    {
      name: "VP9 simulcast",
      key: "c00001800214eaa860414d1410208427013f00b3",
      data: "c30076",
      spatial: 0,
      temporal: 2,
      dtis: "--D",
      number: 118,
    },
    {
      name: "AV1 simulcast",
      key: "c0000180003a4101809f805980",
      data: "c10075",
      spatial: 0,
      temporal: 0,
      dtis: "S",
      number: 117,
    },
    {
      name: "AV1 L3T3_KEY with targets, custom fdiffs and chains",
      key: L3T3_KEY,
      data: "c300cf581d10180000",
      spatial: 0,
      temporal: 2,
      dtis: "--D------",
      number: 207,
    },
  ])("$name", ({ key, data, spatial, temporal, dtis, number }) => {
    expect(read(key)).toBe(true);
    expect(read(data)).toBe(true);
    expect(frame).toMatchObject({
      spatial,
      temporal,
      keyframe: false,
      startsFrame: true,
      frameNumber: number,
    });
    expect(symbols(frame.dtis)).toBe(dtis);
  });

  test("are refused before any structure, and when of another one", () => {
    expect(read("c6007b")).toBe(false);
    expect(read(L3T3_KEY)).toBe(true);
    // Template 16 of a structure whose ids start at 15: what Chromium sent after its second key frame.
    expect(read("d000b31a60200000")).toBe(false);
    expect(read(`cf00b2c1e8${L3T3_KEY.slice(10)}`)).toBe(true);
    expect(read("d000b31a60200000")).toBe(true);
    expect(frame).toMatchObject({ spatial: 0, temporal: 0, keyframe: false });
  });

  test("that are refused tell what needs no structure: where they start and end, and their number", () => {
    expect(read("86007b")).toBe(false);
    expect(frame).toMatchObject({ startsFrame: true, endsFrame: false, frameNumber: 123, isUnknown: true });
    expect(read(L3T3_KEY)).toBe(true);
    expect(frame.isUnknown).toBe(false);
    expect(read("50007c")).toBe(false);
    expect(frame).toMatchObject({ startsFrame: false, endsFrame: true, frameNumber: 124, isUnknown: true });
    expect(frame).toMatchObject({ spatial: 0, temporal: 0, keyframe: false, maxSpatial: 0 });
    expect(read("5000")).toBe(false);
    expect(frame).toMatchObject({ startsFrame: false, endsFrame: false, frameNumber: -1 });
  });

  test("own indications take the place of the template's, for this frame", () => {
    expect(read(VP8_L1T3)).toBe(true);
    // Flags 00100, then 00 01 10.
    expect(read("c30002 20c0")).toBe(true);
    expect(symbols(frame.dtis.subarray(0, 3))).toBe("-DS");
    expect(read("c30002")).toBe(true);
    expect(symbols(frame.dtis)).toBe("-SS");
  });

  test("in the middle of a key frame it is still one; where a frame starts, only with a structure", () => {
    expect(read("8000018002044eaaaf2860414d34538a0940404fc02cc0")).toBe(true);
    expect(frame.keyframe).toBe(true);
    expect(read("000001")).toBe(true);
    expect(frame).toMatchObject({ keyframe: true, startsFrame: false, endsFrame: false });
    expect(read("800002")).toBe(true);
    expect(frame).toMatchObject({ keyframe: false, startsFrame: true });
  });

  // Of a structure with templates "0.0 S K" and "0.0 S": flags 10010, and the differences are its last bits.
  test.each([
    {
      name: "one is none, although its template depends on none",
      data: "c0000190003a41012000",
      keyframe: false,
    },
    { name: "three nibbles are one difference too", data: "c0000190003a4101600200", keyframe: false },
    { name: "none at all makes one of any template", data: "c1000190003a410100", keyframe: true },
  ])("own frame differences say whether it is a key frame: $name", ({ data, keyframe }) => {
    expect(read(data)).toBe(true);
    expect(frame.keyframe).toBe(keyframe);
    expect(read(data.slice(0, -2))).toBe(false);
  });

  test("an old key frame, repeated late, does not bring its structure back", () => {
    expect(read(`c000c8${L3T3_KEY.slice(6)}`)).toBe(true);
    const present = frame.structure;
    expect(read(`c000c7${VP8_L1T3.slice(6)}`)).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
    expect(read("c100c9")).toBe(true);
    expect(frame.structure).toBe(present);
  });

  test("a key frame a whole circle of numbers after the last one is no old one", () => {
    expect(read(`c000c8${L3T3_KEY.slice(6)}`)).toBe(true);
    for (let number = 0xc9; number < 0x100c7; number++)
      expect(read(`c1${(number & 0xffff).toString(16).padStart(4, "0")}`)).toBe(true);
    expect(read(`c000c7${VP8_L1T3.slice(6)}`)).toBe(true);
    expect(read("c100c8")).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
  });

  test("the first structure is believed whatever its number", () => {
    expect(read(`c0fff0${L3T3_KEY.slice(6)}`)).toBe(true);
    expect(read("c1fff1")).toBe(true);
  });

  test("a key frame that is repaired after frames of its own brings its structure", () => {
    expect(read(L3T3_KEY)).toBe(true);
    expect(read("c10064")).toBe(true);
    expect(read(`c00060${VP8_L1T3.slice(6)}`)).toBe(true);
    expect(read("c10065")).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
  });

  test("so does one long after the last", () => {
    expect(read(L3T3_KEY)).toBe(true);
    for (let number = 2; number < 300; number++)
      expect(read(`c1${number.toString(16).padStart(4, "0")}`)).toBe(true);
    expect(read(`c0012c${VP8_L1T3.slice(6)}`)).toBe(true);
    expect(read("c1012d")).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
  });

  // Of the structure with one target and one chain: 00111, an indication, a difference of 12 bits, the end, a chain.
  test("indications, differences and chains of its own are read one after the other", () => {
    expect(read("c0000180003a410100")).toBe(true);
    const own = fromBits("00111 10 11 000000000010 00 00000001");
    expect(read(`c10002${own}`)).toBe(true);
    expect(frame).toMatchObject({ keyframe: false, spatial: 0 });
    expect(symbols(frame.dtis.subarray(0, 1))).toBe("S");
    expect(read(`c10002${own.slice(0, -2)}`)).toBe(false);
  });

  test.each([
    { name: "four spatial layers", next: "10", layers: 4, good: true },
    { name: "five spatial layers", next: "10", layers: 5, good: false },
    { name: "eight temporal layers", next: "01", layers: 8, good: true },
    { name: "nine temporal layers", next: "01", layers: 9, good: false },
  ])("a structure of $name: $good", ({ next, layers, good }) => {
    const each = (field: string): string => field.repeat(layers);
    // One target that needs every frame, no differences, no chains, no resolutions.
    const structure = `10000 000000 00000 ${each(next).slice(2)} 11 ${each("11")} ${each("0")} 0 0`;
    expect(read(`c00001${fromBits(structure)}`)).toBe(good);
  });

  test("a publisher that starts its numbers again is believed", () => {
    expect(read(`c007d0${L3T3_KEY.slice(6)}`)).toBe(true);
    expect(read(VP8_L1T3)).toBe(true);
    expect(read("c10002")).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
  });

  test("a structure in front of a template that it lacks is not kept", () => {
    expect(read(VP8_L1T3)).toBe(true);
    expect(read(`cf${"0002"}${L3T3_KEY.slice(6)}`)).toBe(false);
    expect(read("c60003")).toBe(true);
    expect(templates(frame.structure!)).toHaveLength(7);
  });
});

describe("active decode targets", () => {
  // Flags 01000, then nine bits: target 8 first.
  test.each([
    { name: "all", data: "c10002 47fc", spatial: 2, temporal: 2 },
    { name: "two spatial layers", data: "c10002 40fc", spatial: 1, temporal: 2 },
    { name: "the upper two spatial layers", data: "c10002 47e0", spatial: 2, temporal: 2, lowest: 1 },
    { name: "none", data: "c10002 4000", spatial: 0, temporal: 0 },
    { name: "one frame in four, lowest size", data: "c10002 4004", spatial: 0, temporal: 0 },
  ])("bound what is sent: $name", ({ data, spatial, temporal, lowest = 0 }) => {
    expect(read(L3T3_KEY)).toBe(true);
    expect(read(data)).toBe(true);
    expect(frame).toMatchObject({ maxSpatial: spatial, maxTemporal: temporal, minSpatial: lowest });
    expect(read("c10003")).toBe(true);
    expect(frame).toMatchObject({ maxSpatial: spatial, maxTemporal: temporal, minSpatial: lowest });
  });

  test("a late word on them is not believed", () => {
    expect(read(L3T3_KEY)).toBe(true);
    expect(read("c1000440fc")).toBe(true);
    expect(read("c1000347fc")).toBe(true);
    expect(read("c10005")).toBe(true);
    expect(frame.maxSpatial).toBe(1);
  });

  test("a structure without a word on them means all", () => {
    expect(read(L3T3_KEY)).toBe(true);
    expect(frame.maxTemporal).toBe(2);
    expect(read("c100024004")).toBe(true);
    expect(frame.maxTemporal).toBe(0);
    expect(read(`c00006${VP8_L1T3.slice(6)}`)).toBe(true);
    expect(frame.maxTemporal).toBe(2);
  });
});

describe("what layer selection asks", () => {
  test.each([
    { data: "c10002", present: ["0.0", "0.1", "0.2"], switches: ["0.0", "0.1", "0.2"] },
    { data: "c20002", present: ["0.1", "0.2"], switches: ["0.2"] },
    {
      data: "c50002",
      present: ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"],
      switches: ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2"],
    },
    { data: "c70002", present: ["1.1", "1.2"], switches: ["1.2"] },
    { data: "ce0002", present: ["2.2"], switches: [] },
  ])("L3T3_KEY frame $data", ({ data, present, switches }) => {
    expect(read(L3T3_KEY)).toBe(true);
    expect(read(data)).toBe(true);
    const layers = [0, 1, 2].flatMap((spatial) => [0, 1, 2].map((temporal) => [spatial, temporal] as const));
    const those = (ask: (spatial: number, temporal: number) => boolean): string[] =>
      layers.filter(([spatial, temporal]) => ask(spatial, temporal)).map((pair) => pair.join("."));
    expect(those((s, t) => frame.isPresentFor(s, t))).toEqual(present);
    expect(those((s, t) => frame.isSwitchPointFor(s, t))).toEqual(switches);
  });

  test.each([
    { spatial: 0, temporal: 0, target: 1, why: "none goes so low: the lowest" },
    { spatial: 1, temporal: 0, target: 1, why: "exactly" },
    { spatial: 1, temporal: 3, target: 0, why: "the highest within" },
    { spatial: 2, temporal: 0, target: 1, why: "not over the wish in time" },
    { spatial: 2, temporal: 2, target: 2, why: "space before time" },
  ])("a wish for $spatial.$temporal is served by target $target: $why", ({ spatial, temporal, target }) => {
    // Targets in no order: 0 has layers 1.1, 1 has 1.0, 2 has 2.1.
    const template = (s: number, t: number, dtis: number[]) => {
      return { spatial: s, temporal: t, dtis: Uint8Array.from(dtis), independent: false };
    };
    const structure = new DependencyStructure(
      0,
      3,
      [template(1, 0, [2, 2, 2]), template(1, 1, [1, 0, 2]), template(2, 1, [0, 0, 1])],
      0,
      [],
    );
    expect(structure.target(spatial, temporal)).toBe(target);
  });
});

test("every truncation of custom fields is refused", () => {
  const bytes = hex("c300cf581d10180000");
  expect(read(L3T3_KEY)).toBe(true);
  for (let length = 4; length < bytes.length; length++) {
    expect(reader.read(bytes, 0, length, frame), `${length} bytes`).toBe(false);
  }
});

test("every truncation of a structure is refused and changes nothing", () => {
  expect(read(VP8_L1T3)).toBe(true);
  const bytes = hex(L3T3_KEY);
  for (let length = 0; length < bytes.length - 1; length++) {
    // Three bytes are a whole descriptor of the structure in force.
    if (length === 3) continue;
    expect(reader.read(bytes, 0, length, frame), `${length} bytes`).toBe(false);
  }
  expect(read("c60002")).toBe(true);
});

test("arbitrary bytes are read within bounds, or refused", () => {
  const start = fc.constantFrom(...[VP8_L1T3, L3T3_KEY].map(hex));
  fc.assert(
    fc.property(start, fc.nat(90), fc.uint8Array({ maxLength: 200, size: "max" }), (valid, keep, junk) => {
      const bytes = Uint8Array.of(...valid.subarray(0, keep), ...junk);
      const fresh = new DependencyDescriptorReader();
      if (!fresh.read(bytes, 0, bytes.length, frame)) return;
      expect(frame.spatial).toBeLessThanOrEqual(3);
      expect(frame.temporal).toBeLessThanOrEqual(7);
      expect(frame.dtis.length).toBeGreaterThanOrEqual(frame.structure!.targets);
    }),
    { numRuns: 500 },
  );
});

test("the frame number is rewritten in place", () => {
  const packet = hex("ff c6007b ff");
  writeFrameNumber(packet, 1, 0xabcd);
  expect(toHex(packet)).toBe("ffc6abcdff");
});
