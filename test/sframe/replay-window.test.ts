import fc from "fast-check";
import { expect, test } from "vitest";
import { ReplayWindow } from "../../src/http/test-call/replay-window.ts";

test.each<[string, readonly bigint[], bigint, boolean]>([
  ["the first counter", [], 0n, true],
  ["a first counter far on", [], 1n << 63n, true],
  ["the same again", [5n], 5n, false],
  ["the next", [5n], 6n, true],
  ["an earlier one that was never there", [5n, 9n], 7n, true],
  ["an earlier one that was", [5n, 9n], 5n, false],
  ["the oldest in the window", [2000n], 2000n - 1023n, true],
  ["the newest behind it", [2000n], 2000n - 1024n, false],
  ["one that was there before a jump of a whole window", [5n, 5n + 1024n], 5n, false],
  ["one that was there before a jump of nearly a window", [5n, 5n + 1023n], 5n, false],
  ["one beside it", [5n, 5n + 1023n], 6n, true],
])("%s", (_what, before, ctr, isAccepted) => {
  const window = new ReplayWindow();
  for (const one of before) expect(window.accept(one)).toBe(true);
  expect(window.isFresh(ctr)).toBe(isAccepted);
  expect(window.accept(ctr)).toBe(isAccepted);
  expect(window.accept(ctr), "a second time").toBe(false);
});

test("accepts what a set and a highest counter would", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 0n, max: 4000n }), { maxLength: 200 }), (counters) => {
      const window = new ReplayWindow();
      const accepted = new Set<bigint>();
      let highest = -1n;
      for (const ctr of counters) {
        const expected = !accepted.has(ctr) && highest - ctr < 1024n;
        expect(window.accept(ctr)).toBe(expected);
        if (!expected) continue;
        accepted.add(ctr);
        if (ctr > highest) highest = ctr;
      }
    }),
  );
});
