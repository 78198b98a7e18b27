/**
 * Goal: a track that does not encrypt is found within a few dozen of its frames, one that does never, however many there
 * are; and verdicts neither flicker nor flood.
 * Method: seeded frames, each plain or sealed by chance.
 */
import { describe, expect, test } from "vitest";
import { EncryptionGuard } from "../../src/sfu/encryption-guard.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const SECOND_US = 1_000_000;
const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);

/** Lets `frames` of an encoding end, sealed with this probability. Returns how many were looked at. */
function feed(
  guard: EncryptionGuard,
  frames: number,
  sealed: number,
  random: () => number,
  encoding = 0,
): number {
  let looks = 0;
  for (let i = 0; i < frames; i++) {
    if (!guard.isDue(encoding)) continue;
    looks += 1;
    guard.onLook(encoding, random() < sealed);
  }
  return looks;
}

describe("one encoding", () => {
  test.each(SEEDS)("plain is found within 40 frames, sealed never in 100,000, seed %i", (seed) => {
    const random = seededRandom(seed);
    const plain = new EncryptionGuard(1);
    feed(plain, 40, 1 / 256, random);
    expect(plain.verdict(SECOND_US)).toBe(true);
    const sealed = new EncryptionGuard(1);
    const looks = feed(sealed, 100_000, 1, random);
    expect(sealed.verdict(SECOND_US)).toBeNull();
    expect(looks).toBeLessThan(100_000 / 15);
  });

  test("frames before the key is there, and stray ones later, are no reason", () => {
    const guard = new EncryptionGuard(1);
    feed(guard, 29, 0, () => 0.5);
    feed(guard, 100_000, 0.95, seededRandom(1));
    expect(guard.verdict(SECOND_US)).toBeNull();
  });

  test("one that turns plain later is found within 50 frames, and is cleared when it seals again", () => {
    const guard = new EncryptionGuard(1);
    feed(guard, 1_001, 1, () => 0);
    feed(guard, 50, 0, () => 0.5);
    expect(guard.verdict(SECOND_US)).toBe(true);
    feed(guard, 10, 1, () => 0);
    expect(guard.verdict(10 * SECOND_US)).toBeNull();
    feed(guard, 10, 1, () => 0);
    expect(guard.verdict(20 * SECOND_US)).toBe(false);
  });

  test("one that alternates is told of every five seconds at most", () => {
    const guard = new EncryptionGuard(1);
    let verdicts = 0;
    for (let nowUs = 0; nowUs < 60 * SECOND_US; nowUs += 10_000) {
      feed(guard, 30, Math.floor(nowUs / 10_000) % 2, () => 0.5);
      if (guard.verdict(nowUs) !== null) verdicts += 1;
    }
    expect(verdicts).toBeGreaterThan(2);
    expect(verdicts).toBeLessThanOrEqual(13);
  });
});

test("one plain encoding among sealed ones is enough", () => {
  const guard = new EncryptionGuard(3);
  for (let frame = 0; frame < 100; frame++) {
    for (const encoding of [0, 1, 2]) feed(guard, 1, encoding === 1 ? 0 : 1, () => 0.5, encoding);
  }
  expect(guard.verdict(SECOND_US)).toBe(true);
});
