/**
 * Goal: the descriptors in front of payloads are read as their RFCs lay them out, and cut ones are refused.
 * Method: packets by hand, field by field; `flags` of a frame are K keyframe, S starts, E ends, Y sync point.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameInfo } from "../../src/rtp/frame-info.ts";
import { readAv1 } from "../../src/rtp/payload/av1.ts";
import { H264Reader } from "../../src/rtp/payload/h264.ts";
import { readRedPrimary } from "../../src/rtp/payload/red.ts";
import { readVp8, readVp8Descriptor, Vp8Descriptor } from "../../src/rtp/payload/vp8.ts";
import { readVp9, readVp9Descriptor, Vp9Descriptor } from "../../src/rtp/payload/vp9.ts";
import { hex, toHex } from "./hex.ts";

type Reader = (packet: Uint8Array, at: number, length: number, out: FrameInfo) => boolean;

const vp8: Reader = (packet, at, length, out) => readVp8(packet, at, length, new Vp8Descriptor(), out);
const vp9: Reader = (packet, at, length, out) => readVp9(packet, at, length, new Vp9Descriptor(), out);
const readH264 = (packet: Uint8Array, at: number, length: number, marker: boolean, out: FrameInfo): boolean =>
  new H264Reader().read(packet, at, length, 0, marker, out);
const h264: Reader = (packet, at, length, out) => readH264(packet, at, length, false, out);
const av1: Reader = (packet, at, length, out) => readAv1(packet, at, length, false, out);

/** What `reader` says of a payload behind a header of two bytes: "spatial.temporal flags", or null. */
function facts(reader: Reader, payload: string): string | null {
  const packet = hex(`ffff ${payload}`);
  const frame = new FrameInfo();
  if (!reader(packet, 2, packet.length - 2, frame)) return null;
  const flags = [
    frame.keyframe ? "K" : "",
    frame.startsFrame ? "S" : "",
    frame.endsFrame ? "E" : "",
    frame.temporalSync ? "Y" : "",
  ].join("");
  return `${frame.spatial}.${frame.temporal} ${flags}`.trim();
}

describe("VP8 (RFC 7741)", () => {
  test.each([
    { name: "key frame, no extension", payload: "10 00", found: "0.0 KS" },
    { name: "delta frame", payload: "10 01", found: "0.0 S" },
    { name: "its second packet", payload: "00 00", found: "0.0" },
    { name: "start of another partition", payload: "11 00", found: "0.0" },
    { name: "15-bit picture id, TL0PICIDX, T2 with sync", payload: "90 e0 8001 05 a0 01", found: "0.2 SY" },
    { name: "7-bit picture id, key index only", payload: "90 90 01 1f 00", found: "0.0 KS" },
  ])("$name", ({ payload, found }) => {
    expect(facts(vp8, payload)).toBe(found);
  });

  test.each(["", "10", "90", "90e0", "90e080", "90e08001", "90e0800105", "90e0800105a0", "9080ff", "9010"])(
    "refuses %j",
    (payload) => {
      expect(facts(vp8, payload)).toBeNull();
    },
  );

  test.each([
    { name: "15-bit picture id", before: "90 e0 8001 05 a0 01", id: 0x9234, after: "90e0923477a001" },
    { name: "7-bit picture id", before: "90 e0 01 05 a0 01", id: 0x9234, after: "90e03477a001" },
    { name: "no picture id", before: "90 60 05 a0 01", id: 0x1234, after: "906077a001" },
    { name: "no TL0PICIDX", before: "90 a0 01 a0 01", id: 0x12, after: "90a012a001" },
    { name: "nothing", before: "10 01", id: 0x1234, after: "1001" },
  ])("rewrites in place: $name", ({ before, id, after }) => {
    const packet = hex(before);
    const descriptor = new Vp8Descriptor();
    expect(readVp8Descriptor(packet, 0, packet.length, descriptor)).toBe(true);
    descriptor.rewrite(packet, id, 0x77);
    expect(toHex(packet)).toBe(after);
  });

  test("a view that is used again keeps nothing of the descriptor before", () => {
    const descriptor = new Vp8Descriptor();
    readVp8Descriptor(hex("90e08001 05 a0 01"), 0, 7, descriptor);
    expect(descriptor).toMatchObject({
      pictureId: 1,
      pictureIdBits: 15,
      tl0PicIdx: 5,
      temporal: 2,
      layerSync: true,
    });
    readVp8Descriptor(hex("1001"), 0, 2, descriptor);
    expect(descriptor).toMatchObject({
      bytes: 1,
      pictureId: -1,
      pictureIdBits: 0,
      tl0PicIdx: -1,
      temporal: 0,
      layerSync: false,
    });
  });
});

describe("VP9 (RFC 9628)", () => {
  test.each([
    { name: "key picture, whole", payload: "8c 8001 aa", found: "0.0 KSE" },
    { name: "predicted picture, 7-bit id", payload: "cc 01 aa", found: "0.0 SE" },
    { name: "T2 with switching up, S1", payload: "e8 8001 52 07 aa", found: "1.2 SY" },
    { name: "upper layer of a key picture is none", payload: "a8 8001 03 07 aa", found: "1.0 S" },
    { name: "S7, which counts as the fourth layer", payload: "a8 8001 0f 07 aa", found: "3.0 S" },
    { name: "flexible mode with two differences", payload: "fc 8001 20 05 02 aa", found: "0.1 SE" },
  ])("$name", ({ payload, found }) => {
    expect(facts(vp9, payload)).toBe(found);
  });

  test.each([
    { name: "its count", payload: "aa 8001 00 07 58 aa", spatial: 2 },
    { name: "in flexible mode", payload: "ba 8001 00 58 aa", spatial: 2 },
    { name: "of eight, of which four are told apart", payload: "aa 8001 00 07 f8 aa", spatial: 3 },
    { name: "behind differences", payload: "fa 8001 00 03 02 38 aa", spatial: 1 },
    { name: "behind three, which are the most", payload: "fa 8001 00 03 03 03 38 aa", spatial: 1 },
  ])("a scalability structure tells how many spatial layers there are: $name", ({ payload, spatial }) => {
    const packet = hex(payload);
    const frame = new FrameInfo();
    expect(vp9(packet, 0, packet.length, frame)).toBe(true);
    expect(frame).toMatchObject({ spatial: 0, maxSpatial: spatial });
  });

  test.each([
    { name: "15-bit picture id", before: "ec 8001 00 05 aa", id: 0x9234, after: "ec92340077aa" },
    { name: "7-bit picture id", before: "ec 01 00 05 aa", id: 0x9234, after: "ec340077aa" },
    { name: "no picture id", before: "6c 00 05 aa", id: 0x1234, after: "6c0077aa" },
    { name: "flexible mode has no TL0PICIDX", before: "fc 8001 20 02 aa", id: 0x1234, after: "fc92342002aa" },
    { name: "nothing", before: "4c aa", id: 0x1234, after: "4caa" },
  ])("rewrites in place: $name", ({ before, id, after }) => {
    const packet = hex(before);
    const descriptor = new Vp9Descriptor();
    expect(readVp9Descriptor(packet, 0, packet.length, descriptor)).toBe(true);
    descriptor.rewrite(packet, id, 0x77);
    expect(toHex(packet)).toBe(after);
  });

  test.each([
    "",
    "8c",
    "8c01",
    "8c80",
    "8c8001",
    "a8800152",
    "a880015207",
    "fc80012005",
    "fc800120050302",
    "aa80010007",
  ])("refuses %j", (payload) => {
    expect(facts(vp9, payload)).toBeNull();
  });
});

describe("H264 (RFC 6184)", () => {
  test.each([
    { name: "IDR slice alone", payload: "65 88", found: "0.0 KS" },
    { name: "parameter set alone", payload: "67 42", found: "0.0 KS" },
    { name: "slice of another picture", payload: "61 88", found: "0.0 S" },
    { name: "STAP-A of SPS and PPS", payload: "78 0002 6742 0002 68ce", found: "0.0 KS" },
    { name: "STAP-A with the SPS last", payload: "78 0001 09 0002 6742", found: "0.0 KS" },
    { name: "STAP-A of slices", payload: "78 0002 6188", found: "0.0 S" },
    { name: "FU-A, first of an IDR", payload: "7c 85 88", found: "0.0 KS" },
    { name: "FU-A, middle of an IDR", payload: "7c 05 88", found: "0.0 K" },
    { name: "FU-A, first of a slice", payload: "7c 81 88", found: "0.0 S" },
  ])("$name", ({ payload, found }) => {
    expect(facts(h264, payload)).toBe(found);
  });

  test.each(["", "7c", "78", "7800", "780000", "78000267", "7800026742 00", "780002674200056842"])(
    "refuses %j",
    (payload) => {
      expect(facts(h264, payload)).toBeNull();
    },
  );
});

describe("AV1 (aggregation header)", () => {
  test.each([
    { name: "first of a coded video sequence", payload: "18 0a", found: "0.0 KS" },
    { name: "another frame", payload: "10 32", found: "0.0 S" },
    { name: "goes on with an OBU", payload: "90 32", found: "0.0" },
    { name: "W = 0, lengths before every OBU", payload: "00 01 32", found: "0.0 S" },
  ])("$name", ({ payload, found }) => {
    expect(facts(av1, payload)).toBe(found);
  });

  test.each(["", "00", "18"])("refuses %j", (payload) => {
    expect(facts(av1, payload)).toBeNull();
  });
});

describe("redundant audio (RFC 2198)", () => {
  test.each([
    ["the primary alone", "6f aabb", 1],
    ["one older frame of two bytes", "ef000002 6f aabb cc", 7],
    ["two older frames", "ef000001 ef000002 6f aa bbbb cc", 12],
    ["an empty older frame", "ef000000 6f cc", 5],
    ["nothing", "", -1],
    ["a header cut short", "ef0000", -1],
    ["no primary header", "ef000002", -1],
    ["an older frame that goes on beyond the end", "ef000003 6f aabbcc", -1],
    ["no primary frame", "6f", -1],
  ])("%s", (_name, payload, found) => {
    const packet = hex(`ffff ${payload}`);
    const at = readRedPrimary(packet, 2, packet.length - 2);
    expect(at < 0 ? at : at - 2).toBe(found);
  });
});

test.each([
  { name: "H264", reader: readH264, payload: "65 88" },
  { name: "AV1", reader: readAv1, payload: "10 32" },
])("the marker bit ends a frame of $name", ({ reader, payload }) => {
  const frame = new FrameInfo();
  for (const marker of [true, false]) {
    expect(reader(hex(payload), 0, 2, marker, frame)).toBe(true);
    expect(frame.endsFrame).toBe(marker);
  }
});

/** What the packet before may have been. */
const BEFORE: Partial<FrameInfo> = {
  spatial: 2,
  temporal: 2,
  keyframe: true,
  startsFrame: true,
  endsFrame: true,
  temporalSync: true,
  frameNumber: 7,
  maxSpatial: 3,
  maxTemporal: 3,
  minSpatial: 1,
};

test("readers look at nothing beyond the payload, and keep nothing of the packet before", () => {
  const red: Reader = (packet, at, length, out) => {
    out.reset();
    out.frameNumber = readRedPrimary(packet, at, length);
    return out.frameNumber >= 0;
  };
  const readers = [vp8, vp9, h264, av1, red];
  fc.assert(
    fc.property(fc.constantFrom(...readers), fc.uint8Array({ maxLength: 12 }), (reader, payload) => {
      // The same payload, with different bytes behind it and after another packet, must read the same.
      const outcome = (behind: number): unknown => {
        const packet = Uint8Array.of(...payload, behind, behind, behind, behind, behind);
        const frame = Object.assign(new FrameInfo(), behind === 0 ? {} : BEFORE);
        return reader(packet, 0, payload.length, frame) ? { ...frame } : null;
      };
      expect(outcome(0x00)).toEqual(outcome(0xff));
    }),
    { numRuns: 2000 },
  );
});
