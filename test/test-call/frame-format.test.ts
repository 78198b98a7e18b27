/** Goal: what packetisers need stays readable, all else is sealed, and the receiver finds both again. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CodecName } from "../../src/base/codec.ts";
import {
  packSealedFrame,
  splitPlainFrame,
  unpackSealedFrame,
} from "../../src/http/test-call/frame-format.ts";
import { hex, toHex } from "../sframe/vectors.ts";

const CODECS: readonly CodecName[] = ["opus", "VP8", "VP9", "H264", "AV1"];
const bytes = fc.uint8Array({ maxLength: 400 });
/** Bytes that often hold start codes and what looks like their escapes. */
const awkward = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3, 0x80, 0xff), { maxLength: 200 });

describe("what is sealed", () => {
  test.each<[string, CodecName, string, string]>([
    ["all of an Opus frame", "opus", "", "fc010203"],
    ["all of a VP8 frame", "VP8", "", "30010203"],
    ["all of a VP9 frame", "VP9", "", "82498342"],
    ["all of an AV1 frame", "AV1", "", "120032020102"],
    ["a delta frame but for its first bytes", "H264", "0000000161e00102", "03040506"],
    [
      "a key frame behind parameter sets and its first bytes",
      "H264",
      "000000016742c01f0000000168ce3c800000000165888040",
      "00ffee",
    ],
  ])("%s", (_what, codec, clear, secret) => {
    const split = splitPlainFrame(codec, hex(clear + secret))!;
    expect(toHex(split.clear)).toBe(clear);
    expect(toHex(split.secret)).toBe(secret);
  });

  test("further slices of the same picture", () => {
    const frame = hex("000000016588804001020304000000016588805001");
    expect(toHex(splitPlainFrame("H264", frame)!.secret)).toBe("01020304000000016588805001");
  });

  test("three-byte start codes become the four bytes that receivers see", () => {
    const split = splitPlainFrame("H264", hex("0000016742c01f000001658880400102"))!;
    expect(toHex(split.clear)).toBe("000000016742c01f0000000165888040");
  });

  test.each([
    ["nothing at all", ""],
    ["no start code", "6588804001020304"],
    ["no slice", "000000016742c01f0000000168ce3c80"],
    ["a slice that ends within its header", "000000016588"],
    ["a slice that ends where another begins", "000000016588000000016588804001"],
  ])("an H264 frame with %s is not", (_what, frame) => {
    expect(splitPlainFrame("H264", hex(frame))).toBe(undefined);
  });
});

describe.each(CODECS)("%s", (codec) => {
  const clears = codec === "H264" ? ["0000000161e00102", "0000000161e00000", "0000000161000000"] : [""];

  test.each(clears)("carries any SFrame behind '%s'", (clear) => {
    fc.assert(
      fc.property(fc.oneof(bytes, awkward), (content) => {
        const sframe = Uint8Array.from(content);
        const packed = packSealedFrame(codec, { clear: hex(clear), sframe });
        const unpacked = unpackSealedFrame(codec, packed)!;
        expect(toHex(unpacked.clear)).toBe(clear);
        expect(toHex(unpacked.sframe)).toBe(toHex(sframe));
      }),
      { numRuns: 300 },
    );
  });

  test("arbitrary bytes never throw", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, awkward), (content) => {
        splitPlainFrame(codec, Uint8Array.from(content));
        unpackSealedFrame(codec, Uint8Array.from(content));
      }),
      { numRuns: 500 },
    );
  });
});

describe("H264", () => {
  test("has no start code and no zero at the end, whatever the ciphertext", () => {
    fc.assert(
      fc.property(awkward, (content) => {
        const clear = hex("0000000161e00000");
        const packed = packSealedFrame("H264", { clear, sframe: Uint8Array.from(content) });
        expect(toHex(packed.subarray(4))).not.toMatch(/^(?:..)*?0000(?:00|01|02)/);
        expect(packed.at(-1)).not.toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test("a frame without the trailer is not ours", () => {
    expect(unpackSealedFrame("H264", hex("0000000161e0010203040506"))).toBe(undefined);
  });
});

describe("AV1", () => {
  const unpacked = (frame: string): string | undefined => {
    const sealed = unpackSealedFrame("AV1", hex(frame));
    return sealed && toHex(sealed.sframe);
  };

  test.each([
    ["as it is sent", "3203aabbcc", "aabbcc"],
    ["behind a temporal delimiter", "12003203aabbcc", "aabbcc"],
    ["with a size that is longer than it must be", "328300aabbcc", "aabbcc"],
  ])("is unwrapped %s", (_what, frame, sframe) => expect(unpacked(frame)).toBe(sframe));

  test.each([
    ["an OBU of another type", "0a03aabbcc"],
    ["an OBU without a size", "30aabbcc"],
    ["a size beyond the end", "3204aabbcc"],
    ["a second OBU", "3203aabbcc3200"],
    ["no size", "32"],
    ["a size that never ends", "328080808080"],
  ])("is not unwrapped from %s", (_what, frame) => expect(unpacked(frame)).toBe(undefined));

  test("takes frames that need more than one byte for their size", () => {
    const sframe = new Uint8Array(300_000).fill(7);
    const packed = packSealedFrame("AV1", { clear: new Uint8Array(0), sframe });
    expect(toHex(packed.subarray(0, 4))).toBe("32e0a712");
    expect(unpackSealedFrame("AV1", packed)!.sframe.length).toBe(300_000);
  });
});
