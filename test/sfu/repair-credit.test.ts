/** A receiver has repaired at most half of what it is sent, and a large key frame at once. */
import { expect, test } from "vitest";
import { RepairCredit } from "../../src/sfu/repair-credit.ts";

const BYTES = 1_000;
const KEY_FRAME_BYTES = 131_072;

test("who asks for everything again is repaired half of the media, after a key frame", () => {
  const credit = new RepairCredit();
  const MEDIA_BYTES = 1_000 * BYTES;
  let sentBytes = 0;
  let repairedBytes = 0;
  for (let mediaBytes = 0; mediaBytes < MEDIA_BYTES; mediaBytes += BYTES) {
    sentBytes += BYTES;
    while (credit.covers(BYTES, sentBytes)) {
      sentBytes += BYTES;
      credit.spend(BYTES, sentBytes);
      repairedBytes += BYTES;
    }
  }
  const limitBytes = KEY_FRAME_BYTES + MEDIA_BYTES / 2;
  expect(repairedBytes).toBeLessThanOrEqual(limitBytes);
  expect(repairedBytes).toBeGreaterThan(limitBytes - 2 * BYTES);
});

test("what was not asked for is not saved up", () => {
  const credit = new RepairCredit();
  expect(credit.covers(KEY_FRAME_BYTES, 1e9)).toBe(true);
  expect(credit.covers(KEY_FRAME_BYTES + 1, 2e9)).toBe(false);
});
