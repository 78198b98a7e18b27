/** Goal: a receiver waits for repairs as long as they take, where there are any, and not a moment longer than it is worth. */
import { expect, test } from "vitest";
import { NEVER_NEEDED, RepairTime } from "../../src/cc/repair-time.ts";

const MS = 1_000;
const SECOND = 1_000 * MS;

test.each([
  { loss: 0, rttMs: 50, ms: NEVER_NEEDED / MS, why: "nothing to repair" },
  { loss: 0.005, rttMs: 200, ms: NEVER_NEEDED / MS, why: "too little" },
  { loss: 0.02, rttMs: 50, ms: 120, why: "one repair" },
  { loss: 0.02, rttMs: 200, ms: 260, why: "one repair on a long path" },
  { loss: 0.1, rttMs: 50, ms: 220, why: "two repairs" },
  { loss: 0.1, rttMs: 100, ms: 300, why: "the second is not waited for in full" },
  { loss: 0.1, rttMs: 300, ms: 360, why: "one, for a second comes too late" },
  { loss: 0.1, rttMs: 2_000, ms: 500, why: "nobody can talk so" },
])("$loss lost and $rttMs ms there and back: $why", ({ loss, rttMs, ms }) => {
  const time = new RepairTime();
  time.update(loss, rttMs * MS, 0);
  expect(time.us).toBe(ms * MS);
});

test("it grows at once, and shrinks when less has done for a while", () => {
  const time = new RepairTime();
  const seen: number[] = [];
  const losses = [0, 0.02, 0.1, 0.02, 0.1, ...new Array(14).fill(0.02), 0.02, 0.02, ...new Array(17).fill(0)];
  losses.forEach((loss, second) => {
    time.update(loss, 50 * MS, second * SECOND);
    if (time.us !== seen.at(-1)) seen.push(time.us);
  });
  expect(seen).toEqual([NEVER_NEEDED, 120 * MS, 220 * MS, 120 * MS, 0]);
});
