import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader, MAX_FRAME_BYTES } from "../../../src/worker/tcp/frame-reader.ts";
import { framed } from "./frames.ts";

function reader(): { readonly heard: string[]; readonly reader: FrameReader } {
  const heard: string[] = [];
  const onPacket = (bytes: Uint8Array, length: number): void => {
    heard.push(Buffer.from(bytes.subarray(0, length)).toString("latin1"));
    // Packets are opened in place.
    bytes.fill(0xff, 0, length);
  };
  return { heard, reader: new FrameReader(onPacket) };
}

test("however a stream is cut, its packets come whole and in order", () => {
  const packet = fc
    .string({ maxLength: 300, size: "max" })
    .map((text) => Buffer.from(text).toString("latin1"));
  const packets = fc.array(packet, { maxLength: 30, size: "max" });
  fc.assert(
    fc.property(packets, fc.array(fc.nat(600), { maxLength: 40, size: "max" }), (sent, cuts) => {
      const stream = framed(...sent.map((text) => Buffer.from(text, "latin1")));
      const { reader: read, heard } = reader();
      let at = 0;
      for (const bytes of [...cuts, stream.length]) {
        expect(read.read(stream.subarray(at, at + bytes))).toBe(true);
        at += bytes;
      }
      expect(heard).toEqual(sent.filter((text) => text.length > 0));
    }),
  );
});

test("any bytes are packets or an end, never more than one frame long", () => {
  // Lengths at random are mostly too long; many of these are not, and longer than a chunk.
  const length = fc.integer({ min: 0, max: MAX_FRAME_BYTES + 1 });
  const junk = fc.uint8Array({ maxLength: 3_000, size: "max" });
  const chunk = fc.oneof(
    junk,
    fc.tuple(length, junk).map(([bytes, rest]) => Uint8Array.of(bytes >> 8, bytes & 0xff, ...rest)),
  );
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      let longest = 0;
      const read = new FrameReader((_bytes, length) => {
        longest = Math.max(longest, length);
      });
      for (const chunk of chunks) if (!read.read(Buffer.from(chunk))) break;
      expect(longest).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    }),
  );
});

test("what a receiver slices off is a copy, as of any Uint8Array: of a Buffer it would not be", () => {
  const kept: Uint8Array[] = [];
  const read = new FrameReader((bytes, length) => kept.push(bytes.slice(0, length)));
  read.read(framed("first", "2nd"));
  expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(["first", "2nd"]);
});

test("the longest frame is taken, one byte more is not", () => {
  const { reader: read, heard } = reader();
  expect(read.read(framed("x".repeat(MAX_FRAME_BYTES)))).toBe(true);
  expect(heard[0]).toHaveLength(MAX_FRAME_BYTES);
  expect(reader().reader.read(framed("x".repeat(MAX_FRAME_BYTES + 1)))).toBe(false);
});
