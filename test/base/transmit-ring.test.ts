import fc from "fast-check";
import { expect, test } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { NO_ROW, SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";

/** By path, in the order of first appearance, its rows. */
function chainsOf(ring: TransmitRing): [number, number[]][] {
  return Array.from(ring.firstRows.subarray(0, ring.chains), (first) => {
    const rows: number[] = [];
    for (let row = first; row !== NO_ROW; row = ring.nextRow[row]!) rows.push(row);
    return [ring.path[first]!, rows];
  });
}

test("the rows of each path are chained in the order of their commit, turn after turn", () => {
  const ring = new TransmitRing(64);
  const turn = fc.array(fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 20_000 })), { maxLength: 64 });
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 4 }), (turns) => {
      for (const paths of turns) {
        const expected = new Map<number, number[]>();
        for (const [row, path] of paths.entries()) {
          ring.commitRaw(10, path as PathId);
          expected.set(path, [...(expected.get(path) ?? []), row]);
        }
        expect(chainsOf(ring)).toEqual([...expected]);
        ring.clear();
        expect(ring.chains).toBe(0);
      }
    }),
  );
});

test("rows are slots one behind the other, also in a fresh slab", () => {
  const ring = new TransmitRing(4);
  for (let round = 0; round < 2; round++) {
    for (let row = 0; row < 4; row++) {
      expect(ring.reserve()).toBe(row * SLOT_BYTES);
      ring.commitRaw(1, 0 as PathId);
    }
    expect(ring.reserve()).toBe(-1);
    expect(ring.slab.length).toBe(4 * SLOT_BYTES);
    ring.clear();
    ring.replaceSlab();
  }
});
