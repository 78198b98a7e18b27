import { expect, test } from "vitest";
import { BitReader } from "../../src/rtp/bit-reader.ts";

// The table of the AV1 specification, §4.10.7, for n = 5; and a power of two, whose numbers all have as many bits.
test.each([
  { n: 5, codes: ["00", "01", "10", "110", "111"] },
  { n: 4, codes: ["00", "01", "10", "11"] },
  { n: 3, codes: ["0", "10", "11"] },
  { n: 1, codes: [""] },
])("ns($n)", ({ n, codes }) => {
  const bits = codes.join("").padEnd(16, "1");
  const bytes = Uint8Array.of(Number.parseInt(bits.slice(0, 8), 2), Number.parseInt(bits.slice(8), 2));
  const reader = new BitReader();
  reader.reset(bytes, 0, bytes.length);
  expect(codes.map(() => reader.readNonSymmetric(n))).toEqual(codes.map((_, value) => value));
  expect(reader.read(16 - codes.join("").length)).toBe(2 ** (16 - codes.join("").length) - 1);
  expect(reader.overrun).toBe(false);
});
