import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRtpHeader, RtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";
import { hex } from "./hex.ts";

const FIXED = "80 e0 1234 89abcdef deadbeef";

test("the fixed header", () => {
  const header = new RtpHeader();
  const packet = hex(`${FIXED} 0102`);
  expect(parseRtpHeader(packet, packet.length, header)).toBe(true);
  expect(header).toMatchObject({
    marker: true,
    padding: false,
    payloadType: 96,
    seq: 0x1234,
    timestamp: 0x89abcdef,
    ssrc: 0xdeadbeef,
    headerBytes: 12,
    extensionProfile: 0,
    extensionBytes: 0,
  });
});

test("contributing sources, then an extension block", () => {
  const header = new RtpHeader();
  const packet = hex(`92 60 0001 00000001 00000001 00000002 00000003 bede 0001 10aa0000 ff`);
  expect(parseRtpHeader(packet, packet.length, header)).toBe(true);
  expect(header).toMatchObject({
    marker: false,
    headerBytes: 28,
    extensionProfile: 0xbede,
    extensionAt: 24,
    extensionBytes: 4,
  });
});

test("a view that is used again keeps nothing of the extension before", () => {
  const header = new RtpHeader();
  const extended = hex("90 60 0001 00000001 00000001 bede 0001 10aa0000");
  expect(parseRtpHeader(extended, extended.length, header)).toBe(true);
  const plain = hex(FIXED);
  expect(parseRtpHeader(plain, plain.length, header)).toBe(true);
  expect(header).toMatchObject({ extensionProfile: 0, extensionBytes: 0, headerBytes: 12 });
});

test.each([
  { name: "version 1", packet: "40 60 0001 00000001 00000001" },
  { name: "one source claimed, none there", packet: "81 60 0001 00000001 00000001" },
  { name: "extension bit without an extension", packet: "90 60 0001 00000001 00000001" },
  {
    name: "extension longer than the packet (hangs others)",
    packet: "90 60 0001 00000001 00000001 bede ffff 10aa",
  },
])("refuses $name", ({ packet }) => {
  expect(parseRtpHeader(hex(packet), hex(packet).length, new RtpHeader())).toBe(false);
});

test("refuses every truncation of a header", () => {
  const packet = hex("92 60 0001 00000001 00000001 00000002 00000003 bede 0001 10aa0000");
  for (let length = 0; length < packet.length; length++) {
    expect(parseRtpHeader(packet, length, new RtpHeader()), `${length} bytes`).toBe(false);
  }
});

test.each([
  { name: "none claimed", packet: `${FIXED} 0102`, payload: 2, padding: 0 },
  { name: "three of four bytes", packet: `a0${FIXED.slice(2)} aa 000003`, payload: 1, padding: 3 },
  { name: "nothing but padding", packet: `a0${FIXED.slice(2)} 0002`, payload: 0, padding: 2 },
])("padding: $name", ({ packet, payload, padding }) => {
  const header = new RtpHeader();
  expect(parseRtpHeader(hex(packet), hex(packet).length, header)).toBe(true);
  expect(readPadding(hex(packet), hex(packet).length, header)).toBe(true);
  expect(header).toMatchObject({ payloadBytes: payload, paddingBytes: padding });
});

test.each([
  { name: "zero", packet: `a0${FIXED.slice(2)} aa00` },
  { name: "more than there is", packet: `a0${FIXED.slice(2)} aa03` },
  { name: "claimed, but nothing follows the header", packet: `a0${FIXED.slice(2)}` },
])("refuses padding: $name", ({ packet }) => {
  const header = new RtpHeader();
  expect(parseRtpHeader(hex(packet), hex(packet).length, header)).toBe(true);
  expect(readPadding(hex(packet), hex(packet).length, header)).toBe(false);
});

test("header, payload and padding of arbitrary bytes never reach over their end", () => {
  const header = new RtpHeader();
  const start = fc.constantFrom(0x80, 0x90, 0xa0, 0xb0, 0x9f);
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 120, size: "max" }), (first, rest) => {
      const packet = Uint8Array.of(first, ...rest);
      if (!parseRtpHeader(packet, packet.length, header)) return;
      expect(header.headerBytes).toBeLessThanOrEqual(packet.length);
      expect(header.extensionAt + header.extensionBytes).toBeLessThanOrEqual(
        header.extensionProfile === 0 ? Number.POSITIVE_INFINITY : header.headerBytes,
      );
      if (!readPadding(packet, packet.length, header)) return;
      expect(header.headerBytes + header.payloadBytes + header.paddingBytes).toBe(packet.length);
      expect(header.payloadBytes).toBeGreaterThanOrEqual(0);
    }),
  );
});
