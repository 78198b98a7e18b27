import fc from "fast-check";
import { expect, test } from "vitest";
import { RetiredSsrcs } from "../../src/srtp/retired-ssrcs.ts";

test("agrees with a set of all that were ever added, in whatever order", () => {
  const ssrc = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 2 ** 32 - 20, max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(fc.array(ssrc, { maxLength: 60, size: "max" }), (added) => {
      const retired = new RetiredSsrcs();
      for (const each of added) retired.add(each);
      for (let n = -1; n <= 22; n++) {
        expect(retired.has(n)).toBe(added.includes(n));
        expect(retired.has(2 ** 32 - n)).toBe(added.includes(2 ** 32 - n));
      }
    }),
  );
});
