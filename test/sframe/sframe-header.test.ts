import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSframeHeader, encodeSframeHeader } from "../../src/http/test-call/sframe-header.ts";
import { hex, toHex, VECTORS } from "./vectors.ts";

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

describe("RFC 9605 appendix C.1", () => {
  test("has all of its vectors", () => expect(VECTORS.header.length).toBe(289));

  test.each(VECTORS.header)("kid %s, ctr %s", (kid, ctr, encoded) => {
    expect(toHex(encodeSframeHeader(BigInt(kid), BigInt(ctr)))).toBe(encoded);
    const decoded = decodeSframeHeader(hex(`${encoded}abcd`));
    expect(decoded).toEqual({ kid: BigInt(kid), ctr: BigInt(ctr), headerBytes: encoded.length / 2 });
  });
});

test("every value comes back, whatever follows", () => {
  fc.assert(
    fc.property(u64, u64, fc.uint8Array({ maxLength: 20 }), (kid, ctr, rest) => {
      const header = encodeSframeHeader(kid, ctr);
      const decoded = decodeSframeHeader(Uint8Array.of(...header, ...rest));
      expect(decoded).toEqual({ kid, ctr, headerBytes: header.length });
    }),
  );
});

test("no truncated header is decoded", () => {
  fc.assert(
    fc.property(u64, u64, (kid, ctr) => {
      const header = encodeSframeHeader(kid, ctr);
      for (let bytes = 0; bytes < header.length; bytes++) {
        expect(decodeSframeHeader(header.subarray(0, bytes))).toBe(undefined);
      }
    }),
  );
});

test.each([
  ["KID 7 in a byte of its own", "8007"],
  ["KID 256 in three bytes", "a0000100"],
  ["CTR 0 in a byte of its own", "0800"],
  ["CTR 255 in two bytes", "0900ff"],
])("refuses %s", (_what, encoded) => {
  expect(decodeSframeHeader(hex(encoded))).toBe(undefined);
});

test("what is decoded is what would be encoded", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const header = decodeSframeHeader(bytes);
      if (header === undefined) return;
      const again = encodeSframeHeader(header.kid, header.ctr);
      expect(toHex(again)).toBe(toHex(bytes.subarray(0, header.headerBytes)));
    }),
    { numRuns: 1000 },
  );
});
