/** Goal: a thread that gives no sign of life is found in so many looks, and no other ever is. */
import { expect, test } from "vitest";
import { Watchdog } from "../src/watchdog.ts";

/** A watched thread whose signs a test counts. */
function watched(dog: Watchdog) {
  const thread = { signs: 0, hangs: 0 };
  const watch = dog.watch({ patience: 3, signs: () => thread.signs, onHang: () => thread.hangs++ });
  return { thread, watch };
}

function look(dog: Watchdog, times: number): void {
  for (let i = 0; i < times; i++) dog.look();
}

test("silence for as many looks is a hang; one sign, however late, is none", () => {
  const dog = new Watchdog();
  const { thread, watch } = watched(dog);
  const late = watched(dog);
  look(dog, 2);
  expect([thread.hangs, watch.hangs]).toEqual([0, false]);
  late.thread.signs += 1;
  look(dog, 1);
  expect([thread.hangs, watch.hangs]).toEqual([1, true]);
  for (let round = 0; round < 10; round++) {
    look(dog, 2);
    late.thread.signs += 1;
    look(dog, 1);
  }
  expect([late.thread.hangs, late.watch.hangs]).toEqual([0, false]);
});

test("it is told again of one that does not end, and no more of one that has", () => {
  const dog = new Watchdog();
  const { thread, watch } = watched(dog);
  look(dog, 6);
  expect(thread.hangs).toBe(2);
  watch.end();
  look(dog, 6);
  expect(thread.hangs).toBe(2);
});
