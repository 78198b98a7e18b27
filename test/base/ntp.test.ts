/** NTP times go through microseconds and come out as they were, as far as a peer compares them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ntpFraction, ntpMiddle, ntpSeconds, ntpToUs } from "../../src/base/ntp.ts";

const WORD = { min: 0, max: 0xffff_ffff };

test("the middle bits of a time are those that came on the wire (RFC 3550 §6.4.1)", () => {
  fc.assert(
    fc.property(fc.integer(WORD), fc.integer(WORD), (seconds, fraction) => {
      const middle = (((seconds & 0xffff) << 16) | (fraction >>> 16)) >>> 0;
      expect(ntpMiddle(ntpToUs(seconds, fraction))).toBe(middle);
    }),
    { numRuns: 2_000 },
  );
});

test("a time is right to a microsecond", () => {
  fc.assert(
    fc.property(fc.integer(WORD), fc.integer(WORD), (seconds, fraction) => {
      const us = ntpToUs(seconds, fraction);
      expect(ntpSeconds(us)).toBe(seconds);
      expect(Math.abs(ntpFraction(us) - fraction)).toBeLessThanOrEqual(0x1_0000_0000 / 1_000_000);
    }),
  );
});
