/** When a budget is dealt out: five times a second, and at once where what was dealt out fits no more. */
import { expect, test } from "vitest";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { BandwidthAllocation } from "../../src/sfu/bandwidth-allocation.ts";
import type { DownTrack } from "../../src/sfu/down-track.ts";
import type { SendController } from "../../src/sfu/send-controller.ts";

const MS = 1_000;
const ROOM = { lastVideos: Number.POSITIVE_INFINITY, speakerRank: () => 0 };

/** A receiver of one track of `bitrateBps`, and how often its budget was dealt out. */
class Receiver {
  budgetBps = 1_000_000;
  deals = 0;
  /** What media could use, as the controller was told last. */
  wants: readonly number[] = [];
  readonly #downTrack: { source: object | null };
  readonly #allocation: BandwidthAllocation;

  constructor(kind: "audio" | "video", bitrateBps: number) {
    const track = {
      muted: false,
      voice: null,
      params: { publisher: "ada", content: "camera" },
      ladder: () => [{ spatial: 0, temporal: 0, bitrateBps }],
    };
    const downTrack = {
      params: { subscriptionId: "one", kind },
      preference: NO_PREFERENCE,
      source: { track } as object | null,
      wantedSpatial: 0,
      allotment: { indexIn: () => 0, ceilingIn: () => Number.POSITIVE_INFINITY },
      allot: () => {},
    };
    const wants = (nextBps: number, mostBps: number): void => {
      this.deals += 1;
      this.wants = [nextBps, mostBps];
    };
    const budget = (): number => this.budgetBps;
    const controller = {
      isDue: false,
      wants,
      get budgetBps() {
        return budget();
      },
      get growBps() {
        return budget();
      },
    };
    this.#downTrack = downTrack;
    this.#allocation = new BandwidthAllocation(
      [downTrack as unknown as DownTrack],
      controller as unknown as SendController,
    );
  }

  get totalBps(): number {
    return this.#allocation.totalBps;
  }

  disconnect(): void {
    this.#downTrack.source = null;
  }

  /** Ticks every 10 ms. Returns how often it was dealt out. */
  run(fromMs: number, untilMs: number): number {
    const before = this.deals;
    for (let ms = fromMs; ms < untilMs; ms += 10) this.#allocation.tick(ms * MS, ROOM);
    return this.deals - before;
  }
}

test("five times a second while everything fits, however the budget wobbles", () => {
  const receiver = new Receiver("video", 300_000);
  expect(receiver.run(0, 1_000)).toBe(5);
  receiver.budgetBps = 400_000;
  expect(receiver.run(1_000, 1_200)).toBe(1);
  expect(receiver.totalBps).toBe(300_000);
});

test("at once when it fits no more, and once", () => {
  const receiver = new Receiver("video", 300_000);
  receiver.run(0, 10);
  receiver.budgetBps = 290_000;
  expect(receiver.run(10, 20)).toBe(1);
  expect(receiver.totalBps).toBe(0);
  expect(receiver.run(20, 210)).toBe(0);
});

test("voices that never fit are no reason to deal out more often", () => {
  const receiver = new Receiver("audio", 50_000);
  receiver.budgetBps = 30_000;
  expect(receiver.run(0, 1_000)).toBe(5);
  expect(receiver.totalBps).toBe(50_000);
});

test("who has lost the last track wants nothing any more", () => {
  const receiver = new Receiver("video", 300_000);
  receiver.budgetBps = 200_000;
  receiver.run(0, 10);
  expect(Math.min(...receiver.wants)).toBeGreaterThan(300_000);
  receiver.disconnect();
  receiver.run(200, 210);
  expect(receiver.wants).toEqual([0, 0]);
  expect(receiver.totalBps).toBe(0);
});
