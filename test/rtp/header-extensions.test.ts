import fc from "fast-check";
import { expect, test } from "vitest";
import {
  absSendTime,
  EXTENSION,
  EXTENSION_URI,
  ExtensionMap,
  ExtensionView,
  ExtensionWriter,
} from "../../src/rtp/header-extensions.ts";
import { parseRtpHeader, RtpHeader } from "../../src/rtp/rtp-header.ts";
import { hex, toHex } from "./hex.ts";

const IDS = new ExtensionMap({
  [EXTENSION_URI.mid]: 1,
  [EXTENSION_URI.audioLevel]: 2,
  [EXTENSION_URI.dependencyDescriptor]: 14,
  "urn:unknown": 5,
});

/** Parses `block` (profile, length and elements) behind a fixed header. */
function view(block: Uint8Array, map = IDS): Record<string, string> | null {
  const packet = Uint8Array.of(...hex("90 60 0001 00000001 00000001"), ...block);
  const header = new RtpHeader();
  const extensions = new ExtensionView();
  if (!parseRtpHeader(packet, packet.length, header)) return null;
  if (!extensions.parse(packet, header, map)) return null;
  const found: Record<string, string> = {};
  for (const [name, kind] of Object.entries(EXTENSION)) {
    const at = extensions.at[kind]!;
    if (at >= 0) found[name] = toHex(packet.subarray(at, at + extensions.bytes[kind]!));
  }
  return found;
}

test.each([
  { name: "one-byte form", block: "bede 0002 10 30 20 85 000000 00", found: { mid: "30", audioLevel: "85" } },
  {
    name: "padding between elements",
    block: "bede 0002 10 30 0000 20 85 0000",
    found: { mid: "30", audioLevel: "85" },
  },
  {
    name: "an element of an id not negotiated",
    block: "bede 0002 51 aabb 10 30 000000",
    found: { mid: "30" },
  },
  { name: "of a repeated element the first", block: "bede 0001 10 30 10 31", found: { mid: "30" } },
  { name: "nothing behind id 15", block: "bede 0001 10 30 f0 20", found: { mid: "30" } },
  {
    name: "nothing behind id 0 with a length",
    block: "bede 0002 10 30 02 20 85 20 8600",
    found: { mid: "30" },
  },
  { name: "two-byte form", block: "1000 0002 0101 30 0201 85 0000", found: { mid: "30", audioLevel: "85" } },
  { name: "two-byte form with application bits", block: "100f 0001 0201 85 00", found: { audioLevel: "85" } },
  { name: "a two-byte element of no bytes", block: "1000 0001 0200 0000", found: { audioLevel: "" } },
  { name: "a profile that is not of RFC 8285", block: "1010 0001 0201 85 00", found: {} },
])("reads $name", ({ block, found }) => {
  expect(view(hex(block))).toEqual(found);
});

test.each([
  { name: "one-byte element over the end of the block", block: "bede 0001 10 30 21 85" },
  { name: "two-byte element over the end of the block", block: "1000 0001 0203 8500" },
  { name: "two-byte id without a length", block: "1000 0001 0101 30 02" },
])("refuses a $name", ({ block }) => {
  expect(view(hex(block))).toBeNull();
});

test("a view that is used again forgets what it saw", () => {
  const packet = hex("90 60 0001 00000001 00000001 bede 0001 10300000");
  const header = new RtpHeader();
  const extensions = new ExtensionView();
  parseRtpHeader(packet, packet.length, header);
  extensions.parse(packet, header, IDS);
  expect(extensions.at[EXTENSION.mid]).toBe(17);
  const plain = hex("80 60 0001 00000001 00000001");
  parseRtpHeader(plain, plain.length, header);
  expect(extensions.parse(plain, header, IDS)).toBe(true);
  expect(extensions.at[EXTENSION.mid]).toBe(-1);
});

test("a map names ids by kind and kinds by id", () => {
  expect(IDS.idOf[EXTENSION.dependencyDescriptor]).toBe(14);
  expect(IDS.kindOf[14]).toBe(EXTENSION.dependencyDescriptor);
  expect(IDS.idOf[EXTENSION.rid]).toBe(0);
  expect(IDS.highestId).toBe(14);
});

function write(twoByte: boolean, elements: readonly (readonly [id: number, data: Uint8Array])[]): Uint8Array {
  const out = new Uint8Array(2048);
  const writer = new ExtensionWriter();
  writer.begin(out, 8, twoByte);
  for (const [id, data] of elements) {
    const put = writer.add(id, data, 0, data.length);
    if (put >= 0) expect(toHex(out.subarray(put, put + data.length))).toBe(toHex(data));
  }
  return out.subarray(8, 8 + writer.end());
}

test.each([
  { name: "one-byte form", twoByte: false, block: "bede 0001 10 30 20 85" },
  { name: "two-byte form", twoByte: true, block: "1000 0002 0101 30 0201 85 0000" },
])("writes the $name", ({ twoByte, block }) => {
  expect(
    toHex(
      write(twoByte, [
        [1, hex("30")],
        [2, hex("85")],
      ]),
    ),
  ).toBe(toHex(hex(block)));
});

test("a block without elements takes no bytes", () => {
  expect(write(false, [])).toHaveLength(0);
});

test.each([
  { name: "one-byte: 17 bytes", twoByte: false, id: 3, bytes: 17 },
  { name: "one-byte: no bytes", twoByte: false, id: 3, bytes: 0 },
  { name: "one-byte: id 15", twoByte: false, id: 15, bytes: 1 },
  { name: "two-byte: 256 bytes", twoByte: true, id: 3, bytes: 256 },
])("leaves out an element that its form cannot hold ($name)", ({ twoByte, id, bytes }) => {
  const block = write(twoByte, [
    [1, hex("30")],
    [id, new Uint8Array(bytes).fill(0x28)],
    [2, hex("85")],
  ]);
  expect(view(block)).toEqual({ mid: "30", audioLevel: "85" });
});

test("what is written is read again, and stands on whole words", () => {
  const data = fc.uint8Array({ maxLength: 255, size: "max" });
  fc.assert(
    fc.property(fc.boolean(), data, data, (twoByte, mid, level) => {
      const fits = ({ length }: Uint8Array): boolean => twoByte || (length > 0 && length <= 16);
      const block = write(twoByte, [
        [1, mid],
        [2, level],
      ]);
      expect(block.length % 4).toBe(0);
      if (block.length === 0) return;
      expect(view(block)).toEqual({
        ...(fits(mid) ? { mid: toHex(mid) } : {}),
        ...(fits(level) ? { audioLevel: toHex(level) } : {}),
      });
    }),
  );
});

test("arbitrary blocks never give an element beyond their end", () => {
  const header = new RtpHeader();
  const extensions = new ExtensionView();
  const all = new ExtensionMap(
    Object.fromEntries(Object.values(EXTENSION_URI).map((uri, i) => [uri, i + 1])),
  );
  fc.assert(
    fc.property(
      fc.constantFrom("bede", "1000", "100a"),
      fc.uint8Array({ maxLength: 80, size: "max" }),
      (profile, rest) => {
        const words = Math.floor(rest.length / 4);
        const packet = Uint8Array.of(...hex(`90 60 0001 00000001 00000001 ${profile}`), 0, words, ...rest);
        expect(parseRtpHeader(packet, packet.length, header)).toBe(true);
        if (!extensions.parse(packet, header, all)) return;
        for (const kind of Object.values(EXTENSION)) {
          if (extensions.at[kind] === -1) continue;
          expect(extensions.at[kind]! + extensions.bytes[kind]!).toBeLessThanOrEqual(header.headerBytes);
        }
      },
    ),
  );
});

test.each([
  { us: 0, time: 0 },
  { us: 1_000_000, time: 1 << 18 },
  { us: 63_999_999, time: 0xffffff },
  { us: 64_000_000, time: 0 },
])("abs-send-time of $us µs", ({ us, time }) => {
  expect(absSendTime(us)).toBe(time);
});
