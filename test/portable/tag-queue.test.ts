import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HmacSha1 } from "../../src/portable/hmac-sha1.ts";
import { TAG_BYTES, tagLater, writeTags } from "../../src/portable/tag-queue.ts";

const ROOM = 0xee;

/** RFC 2202 §3, but those with keys longer than a block, which SRTP has not. The last four bytes of the data stand for the ROC. */
const VECTORS: [key: Uint8Array, data: Uint8Array, digest: string][] = [
  [Buffer.alloc(20, 0x0b), Buffer.from("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00"],
  [
    Buffer.from("Jefe"),
    Buffer.from("what do ya want for nothing?"),
    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
  ],
  [Buffer.alloc(20, 0xaa), Buffer.alloc(50, 0xdd), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"],
  [
    Uint8Array.from({ length: 25 }, (_, i) => i + 1),
    Buffer.alloc(50, 0xcd),
    "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
  ],
  [Buffer.alloc(20, 0x0c), Buffer.from("Test With Truncation"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"],
];

/** A packet at some place of a buffer, with room for its tag. */
function queue(key: Uint8Array, packet: Uint8Array, roc: number): Uint8Array {
  const buf = new Uint8Array(7 + packet.length + TAG_BYTES + 5).fill(ROOM);
  buf.set(packet, 7);
  tagLater(new HmacSha1(key), buf, 7, packet.length, roc);
  return buf;
}

/** What the buffer should be. */
function tagged(key: Uint8Array, packet: Uint8Array, roc: number): Uint8Array {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(roc);
  const tag = createHmac("sha1", key).update(packet).update(word).digest().subarray(0, TAG_BYTES);
  return Uint8Array.from([...Array(7).fill(ROOM), ...packet, ...tag, ...Array(5).fill(ROOM)]);
}

describe.each([1, 2, 3, 4, 5, 8, 9])("of %i at once", (many) => {
  test.each(VECTORS.map((vector, i) => [i + 1, ...vector] as const))(
    "RFC 2202 case %i",
    (_i, key, data, digest) => {
      const packet = data.subarray(0, -4);
      const roc = Buffer.from(data).readUInt32BE(packet.length);
      const buffers = Array.from({ length: many }, () => queue(key, packet, roc));
      writeTags();
      for (const buf of buffers) {
        const tag = buf.subarray(7 + packet.length, 7 + packet.length + TAG_BYTES);
        expect(Buffer.from(tag).toString("hex")).toBe(digest.slice(0, 2 * TAG_BYTES));
      }
    },
  );
});

test("any packets under any keys have the tags of node:crypto, and nothing else changes", () => {
  const packet = fc.record({
    key: fc.uint8Array({ minLength: 1, maxLength: 64, size: "max" }),
    // Up to more than a lane has room for.
    packet: fc.oneof(
      { arbitrary: fc.uint8Array({ minLength: 12, maxLength: 200, size: "max" }), weight: 2 },
      { arbitrary: fc.nat({ max: 2200 }).map((bytes) => new Uint8Array(bytes).fill(bytes)), weight: 3 },
    ),
    roc: fc.integer({ min: 0, max: 0xffff_ffff }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 10 }), (packets) => {
      const buffers = packets.map(({ key, packet, roc }) => queue(key, packet, roc));
      writeTags();
      packets.forEach(({ key, packet, roc }, i) => {
        expect(Buffer.compare(buffers[i]!, tagged(key, packet, roc))).toBe(0);
      });
    }),
    { numRuns: 300 },
  );
});

test("the tags of all sizes around a block's end, in one lane and four", () => {
  const key = Buffer.alloc(20, 3);
  for (let bytes = 12; bytes < 12 + 2 * 64; bytes++) {
    for (const many of [1, 4]) {
      const packet = new Uint8Array(bytes).fill(bytes);
      const buffers = Array.from({ length: many }, () => queue(key, packet, bytes));
      writeTags();
      for (const buf of buffers) expect(Buffer.compare(buf, tagged(key, packet, bytes))).toBe(0);
    }
  }
});
