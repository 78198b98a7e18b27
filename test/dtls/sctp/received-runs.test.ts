import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReceivedRuns } from "../../../src/dtls/sctp/received-runs.ts";

function received(...tsns: readonly number[]): ReceivedRuns {
  const runs = new ReceivedRuns();
  for (const tsn of tsns) expect(runs.add(tsn)).toBe(true);
  return runs;
}

describe("runs behind cumulative TSN 10", () => {
  test.each<[string, number[], [number, number][], number]>([
    ["nothing", [], [], 10],
    ["the next", [11], [[1, 1]], 11],
    ["one behind a hole", [12], [[2, 2]], 10],
    ["two that meet", [12, 13], [[2, 3]], 10],
    ["two that meet, the later first", [13, 12], [[2, 3]], 10],
    ["one between two", [12, 14, 13], [[2, 4]], 10],
    [
      "two runs",
      [15, 12],
      [
        [2, 2],
        [5, 5],
      ],
      10,
    ],
    [
      "the next of several",
      [12, 14, 11],
      [
        [1, 2],
        [4, 4],
      ],
      12,
    ],
  ])("%s", (_what, tsns, blocks, cumulative) => {
    const runs = received(...tsns);
    expect(runs.blocks(10, 100)).toEqual(blocks);
    expect(runs.advance(10)).toBe(cumulative);
  });

  test("what came before is told", () => {
    const runs = received(12, 13, 20);
    expect([12, 13, 20].map((tsn) => runs.add(tsn))).toEqual([false, false, false]);
  });

  test("a larger cumulative TSN takes along what it covers, and what follows at once", () => {
    const runs = received(12, 14, 15, 20);
    expect(runs.reach(13)).toBe(15);
    expect(runs.size).toBe(3);
    expect(runs.advance(13)).toBe(15);
    expect(runs.blocks(15, 100)).toEqual([[5, 5]]);
    expect(runs.advance(30)).toBe(30);
    expect(runs.size).toBe(0);
  });

  test("no more blocks than asked for", () => {
    expect(received(12, 14, 16).blocks(10, 2)).toEqual([
      [2, 2],
      [4, 4],
    ]);
  });
});

test("numbers that wrap", () => {
  const runs = received(0xffffffff, 1, 0);
  expect(runs.blocks(0xfffffffd, 100)).toEqual([[2, 4]]);
  expect(runs.advance(0xfffffffe)).toBe(1);
});

test("says the same as a set of numbers, wherever it begins and whatever comes", () => {
  const step = fc.oneof(
    { weight: 9, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ forward: fc.integer({ min: 0, max: 30 }) }) },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1000, 2 ** 32 - 30),
      fc.array(step, { maxLength: 80, size: "max" }),
      (first, steps) => {
        const runs = new ReceivedRuns();
        const set = new Set<number>();
        let cumulative = first;
        for (const one of steps) {
          if ("add" in one) {
            const tsn = (cumulative + one.add) >>> 0;
            expect(runs.add(tsn)).toBe(!set.has(tsn));
            set.add(tsn);
          }
          const forward = "forward" in one ? one.forward : 0;
          const advanced = runs.advance((cumulative + forward) >>> 0);
          for (let i = 0; i < forward; i++) set.delete(++cumulative >>> 0);
          cumulative >>>= 0;
          for (let next = (cumulative + 1) >>> 0; set.delete(next); next = (next + 1) >>> 0)
            cumulative = next;
          expect(advanced).toBe(cumulative);
          const listed = runs
            .blocks(cumulative, 1000)
            .flatMap(([start, end]) => Array.from({ length: end - start + 1 }, (_, i) => start + i));
          const expected = [...set].map((tsn) => (tsn - cumulative) | 0).sort((a, b) => a - b);
          expect(listed).toEqual(expected);
        }
      },
    ),
    { numRuns: 500 },
  );
});
