import { expect, test } from "vitest";
import { SlabPool } from "../../src/sfu/slab-pool.ts";

const MIB = 1024 * 1024;

test("a slab is given to one at a time, and only to who wants its size", () => {
  const pool = new SlabPool();
  const [small, large] = [pool.take(1024), pool.take(2048)];
  pool.give(small);
  pool.give(large);
  expect(pool.take(4096)).toHaveLength(4096);
  expect(pool.take(1024)).toBe(small);
  expect(pool.take(1024)).not.toBe(small);
  expect(pool.take(2048)).toBe(large);
});

test("what is kept is bounded, and room again when it is taken", () => {
  const pool = new SlabPool();
  const slabs = Array.from({ length: 20 }, () => pool.take(MIB));
  for (const slab of slabs) pool.give(slab);
  const again = Array.from({ length: 20 }, () => pool.take(MIB));
  expect(again.filter((slab) => slabs.includes(slab))).toHaveLength(16);
  pool.give(again[0]!);
  expect(pool.take(MIB)).toBe(again[0]);
});

test("sizes that are asked for are kept, and those that nobody asks for any more make room", () => {
  const pool = new SlabPool();
  const large = Array.from({ length: 16 }, () => pool.take(MIB));
  const small = Array.from({ length: 64 }, () => pool.take(MIB / 16));
  for (const slab of [...large, ...small]) pool.give(slab);
  const again = Array.from({ length: 64 }, () => pool.take(MIB / 16));
  expect(again.filter((slab) => small.includes(slab))).toHaveLength(64);
  const left = Array.from({ length: 16 }, () => pool.take(MIB));
  expect(left.filter((slab) => large.includes(slab))).toHaveLength(12);
});
