import fc from "fast-check";
import { expect, test } from "vitest";
import { ReplayWindow } from "../../src/srtp/replay-window.ts";

const SIZE = 128;

test.each([
  { name: "the same index again", marked: [10], index: 10, fresh: false },
  { name: "the next", marked: [10], index: 11, fresh: true },
  { name: "a gap that was jumped over", marked: [10, 12], index: 11, fresh: true },
  { name: "the oldest in the window", marked: [1000], index: 1000 - SIZE + 1, fresh: true },
  { name: "the first that is too old", marked: [1000], index: 1000 - SIZE, fresh: false },
  { name: "one marked before a jump that clears all", marked: [872, 1000], index: 873, fresh: true },
  { name: "a bit shared with one that left the window", marked: [900, 900 + SIZE], index: 901, fresh: true },
  { name: "beyond 32 bits", marked: [2 ** 40], index: 2 ** 40, fresh: false },
  { name: "beyond 32 bits, one before", marked: [2 ** 40], index: 2 ** 40 - 1, fresh: true },
])("$name", ({ marked, index, fresh }) => {
  const window = new ReplayWindow(SIZE);
  for (const each of marked) window.mark(each);
  expect(window.isFresh(index)).toBe(fresh);
});

test("agrees with a set of all indices ever marked", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -10, max: 10 })), {
    maxLength: 200,
    size: "max",
  });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 47 }), steps, (start, moves) => {
      const window = new ReplayWindow(SIZE);
      const marked = new Set<number>();
      let highest = -1;
      let index = start;
      for (const move of moves) {
        index = Math.max(0, index + move);
        const fresh = !marked.has(index) && index > highest - SIZE;
        expect(window.isFresh(index)).toBe(fresh);
        if (!fresh) continue;
        window.mark(index);
        marked.add(index);
        highest = Math.max(highest, index);
        expect(window.highest).toBe(highest);
      }
    }),
  );
});
