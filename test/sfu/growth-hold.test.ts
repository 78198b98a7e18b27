/**
 * Goal: a video does not try a layer again and again for which there is not enough, and does not wait where there is more
 * than when it was tried.
 * Method: budgets dealt out every 200 ms to one video, whose better layer takes all that there is at present.
 */
import { describe, expect, test } from "vitest";
import type { AllocationReason, LayerChoice } from "../../src/sfu/allocator.ts";
import { Allotment } from "../../src/sfu/allotment.ts";

const DEAL_US = 200_000;
const SECOND_US = 1_000_000;
const CHOICES: readonly LayerChoice[] = [0, 1].map((temporal) => ({ spatial: 0, temporal, bitrateBps: 0 }));
const COMPLETE: AllocationReason = { kind: "complete" };
const POOR: AllocationReason = { kind: "bandwidth", leftBps: 0, neededBps: 1 };

class Video {
  nowUs = 0;
  readonly #allotment = new Allotment();

  /** The first time is free: it has come up once already. */
  constructor() {
    this.has(1, 1_000);
    this.has(0, 1_000);
  }

  /** It is dealt out this choice with so many kbit/s. */
  has(choice: number, kbps: number): void {
    this.nowUs += DEAL_US;
    const reason = choice === 0 ? POOR : COMPLETE;
    this.#allotment.take(CHOICES[choice]!, { choice, reason }, kbps * 1_000, this.nowUs);
  }

  /** Whether it may try the better one with so many kbit/s. */
  mayTry(kbps: number, afterUs = 0): boolean {
    return this.#allotment.ceilingIn(CHOICES, kbps * 1_000, this.nowUs + afterUs) > 0;
  }
}

describe("a layer that had to be given back soon", () => {
  test("is not tried for a while that doubles", () => {
    const video = new Video();
    for (const seconds of [2, 4, 8, 16, 32, 32]) {
      video.has(1, 1_000);
      video.has(0, 1_000);
      expect(video.mayTry(1_000, seconds * SECOND_US - 1)).toBe(false);
      expect(video.mayTry(1_000, seconds * SECOND_US)).toBe(true);
      video.nowUs += seconds * SECOND_US;
    }
  });

  test("is tried at once where there is more than an estimate wobbles by", () => {
    const video = new Video();
    video.has(1, 1_000);
    video.has(0, 1_000);
    expect([1_000, 1_100, 1_200].map((kbps) => video.mayTry(kbps))).toEqual([false, false, true]);
  });

  test.each([
    ["it was tried", [[1, 1_000]]],
    [
      "it was sent",
      [
        [1, 700],
        [1, 1_000],
      ],
    ],
  ] as const)(
    "what there is has to be more than when %s, not than what a queue had left of it",
    (_when, deals) => {
      const video = new Video();
      for (const [choice, kbps] of deals) video.has(choice, kbps);
      video.has(0, 500);
      for (const kbps of [600, 1_000]) {
        expect(video.mayTry(kbps)).toBe(false);
        video.has(0, kbps);
      }
      expect(video.mayTry(1_200)).toBe(true);
    },
  );
});
