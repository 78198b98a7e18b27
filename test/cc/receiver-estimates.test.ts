import { beforeEach, expect, test } from "vitest";
import { ReceiverEstimates } from "../../src/cc/receiver-estimates.ts";

const SECOND_US = 1_000_000;

let estimates: ReceiverEstimates;
beforeEach(() => {
  estimates = new ReceiverEstimates();
});

/** Repeated each second from `second` on, one value each. */
function hear(ssrcs: readonly number[], second: number, ...values: readonly number[]): void {
  values.forEach((bps, i) => void estimates.add(bps, ssrcs, (second + i) * SECOND_US));
}

const limit = (sent: readonly number[], second: number): number | undefined =>
  estimates.limitBps(sent, second * SECOND_US);

test("one that begins low and grows is no limit", () => {
  expect(limit([], 0)).toBeUndefined();
  hear([1], 0, 200, 216, 233);
  expect(limit([1], 2)).toBeUndefined();
});

test("one that has fallen is a limit for ten seconds", () => {
  hear([1], 0, 500, 400, 432);
  expect(limit([1], 2)).toBe(432);
  hear([1], 3, ...new Array<number>(9).fill(500));
  expect(limit([1], 11)).toBe(500);
  expect(limit([1], 11.5)).toBeUndefined();
});

test("those about other streams are added, with room where they have not fallen", () => {
  hear([1, 2], 0, 500, 400);
  hear([3], 1, 300);
  expect(limit([1, 2, 3], 1)).toBe(400 + 450);
  hear([3], 2, 250);
  expect(limit([1, 2, 3], 2)).toBe(400 + 250);
});

test("one about several streams takes the place of those about each", () => {
  hear([1], 0, 500);
  hear([2], 0, 300);
  hear([1, 2, 3], 1, 800);
  expect(limit([1, 2], 1)).toBeUndefined();
  hear([1], 1, 700);
  expect(limit([1], 1)).toBe(700);
});

test("they are no limit while a stream is sent that none is about", () => {
  hear([1], 0, 500, 400);
  expect(limit([1, 2], 1)).toBeUndefined();
  expect(limit([1], 1)).toBe(400);
});

test("one that is not repeated, or about nothing of ours, says nothing", () => {
  hear([1], 0, 500, 400);
  expect(limit([1], 4)).toBe(400);
  expect(limit([], 4.5)).toBeUndefined();
  hear([], 5, 500, 400);
  expect(limit([], 6)).toBeUndefined();
  hear([1], 7, 500, 400);
  hear([], 8, 300);
  expect(limit([1], 8)).toBe(400);
});
