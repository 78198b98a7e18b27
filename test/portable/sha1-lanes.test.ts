import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hashMessages,
  INITIAL_STATE,
  LANES,
  MESSAGE_BYTES,
  messages,
  SHA1_BLOCK_BYTES,
  startLane,
  stateOf,
} from "../../src/portable/sha1-lanes.ts";

/** With the bit 1, zeros and its length in bits (FIPS 180-4 §5.1.1). */
function padded(message: Uint8Array): Uint8Array {
  const blocks = Math.ceil((message.length + 9) / SHA1_BLOCK_BYTES);
  const out = Buffer.alloc(blocks * SHA1_BLOCK_BYTES);
  out.set(message);
  out[message.length] = 0x80;
  out.writeUInt32BE(message.length * 8, out.length - 4);
  return out;
}

/** Digests of so many messages at once; a part at a time where one is longer than a lane. */
function digests(texts: readonly Uint8Array[], partBytes = MESSAGE_BYTES): string[] {
  const all = texts.map(padded);
  const states: Uint32Array[] = all.map(() => INITIAL_STATE);
  for (let from = 0; from < Math.max(...all.map(({ length }) => length)); from += partBytes) {
    const parts = all.map((message) => message.subarray(from, from + partBytes));
    const blocks = parts.map(({ length }) => length / SHA1_BLOCK_BYTES);
    messages.fill(0xee);
    parts.forEach((part, lane) => {
      messages.set(part, lane * MESSAGE_BYTES);
      startLane(lane, states[lane]!, blocks[lane]!);
    });
    hashMessages(Math.max(...blocks));
    for (let lane = 0; lane < all.length; lane++) states[lane] = stateOf(lane);
  }
  return states.map((state) => [...state].map((word) => word.toString(16).padStart(8, "0")).join(""));
}

const filler = [Buffer.from("one"), Buffer.alloc(200, 7), Buffer.alloc(0), Buffer.alloc(1000, 9)];

describe.each([0, 1, 2, 3])("lane %i", (lane) => {
  test.each([
    ["the empty message", "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
    ["abc (FIPS 180, one block)", "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"],
    [
      "448 bits (FIPS 180, two blocks)",
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      1,
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ],
    [
      "896 bits (FIPS 180)",
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      1,
      "a49b2446a02c645bf419f995b67091253a04a259",
    ],
    ["a million times a (RFC 3174, TEST3)", "a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
    ["640 digits (RFC 3174, TEST4)", "01234567", 80, "dea356a2cddd90c7a7ecedc5ebb563934f460452"],
  ])("%s", (_name, text, times, expected) => {
    const texts = filler.toSpliced(lane, 1, Buffer.from(text.repeat(times)));
    expect(digests(texts)[lane]).toBe(expected);
  });
});

test("four messages of any lengths, each as node:crypto has it", () => {
  const message = fc.uint8Array({ maxLength: 2 * MESSAGE_BYTES, size: "max" });
  const four = fc.array(message, { minLength: LANES, maxLength: LANES });
  const part = fc.integer({ min: 1, max: MESSAGE_BYTES / SHA1_BLOCK_BYTES });
  fc.assert(
    fc.property(four, part, (texts, blocks) => {
      const expected = texts.map((text) => createHash("sha1").update(text).digest("hex"));
      expect(digests(texts, blocks * SHA1_BLOCK_BYTES)).toEqual(expected);
    }),
  );
});
