import { expect, test } from "vitest";
import { KeyframeRequester } from "../../src/sfu/keyframe-requester.ts";
import { LinkModel } from "../sim/link-model.ts";

const MS = 1000;

test("asks once, repeats after the retry time, and stops at the key frame", () => {
  const requester = new KeyframeRequester(200 * MS);
  expect(requester.poll(0, 0)).toBe(false);
  requester.need();
  requester.need();
  expect(requester.poll(0, 0)).toBe(true);
  expect(requester.poll(199 * MS, 0)).toBe(false);
  expect(requester.poll(200 * MS, 0)).toBe(true);
  requester.onKeyframe();
  expect(requester.poll(1000 * MS, 0)).toBe(false);
});

test("asks at most once per retry time, however often key frames come and are needed again", () => {
  const requester = new KeyframeRequester(500 * MS);
  let asked = 0;
  for (let nowUs = 0; nowUs < 5000 * MS; nowUs += 10 * MS) {
    requester.need();
    if (requester.poll(nowUs, 0)) asked += 1;
    requester.onKeyframe();
  }
  expect(asked).toBe(10);
});

test("asks ever more seldom while nothing comes of the encoding, and as before when something does", () => {
  const requester = new KeyframeRequester(500 * MS);
  requester.need();
  const asked: number[] = [];
  const ask = (fromMs: number, toMs: number, heardMs: number): void => {
    for (let ms = fromMs; ms < toMs; ms += 10)
      if (requester.poll(ms * MS, (ms - heardMs) * MS)) asked.push(ms);
  };
  ask(0, 40_000, Number.NEGATIVE_INFINITY);
  expect(asked.splice(0)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 23_500, 31_500, 39_500]);
  ask(40_000, 41_200, 40_000);
  expect(asked.splice(0)).toEqual([40_000, 40_500, 41_000]);
  requester.onKeyframe();
  requester.need();
  ask(41_200, 44_000, 40_000);
  expect(asked).toEqual([41_500, 42_500]);
});

/**
 * Goal: a receiver that needs a key frame gets one although PLIs and key frames are lost, without a flood.
 * Method: one hundred seeds of a lossy path, five simulated seconds each, 5 ms ticks.
 */
test.each([...Array(100).keys()])("a key frame arrives over a path with 40 %% loss, seed %i", (seed) => {
  const path = { delayUs: 50 * MS, jitterUs: 10 * MS, loss: 0.4 };
  const up = new LinkModel<"pli">(path, seed);
  const down = new LinkModel<"keyframe">(path, seed + 1000);
  const requester = new KeyframeRequester(200 * MS);
  requester.need();

  let plis = 0;
  let arrivedAtUs = Number.POSITIVE_INFINITY;
  for (let nowUs = 0; nowUs < 5000 * MS && arrivedAtUs > nowUs; nowUs += 5 * MS) {
    if (requester.poll(nowUs, 0)) {
      up.send(nowUs, "pli", 80);
      plis += 1;
    }
    for (const _ of up.arrivals(nowUs)) down.send(nowUs, "keyframe", 1200);
    for (const _ of down.arrivals(nowUs)) {
      requester.onKeyframe();
      arrivedAtUs = nowUs;
    }
  }
  expect(arrivedAtUs).toBeLessThan(5000 * MS);
  expect(plis).toBeLessThanOrEqual(1 + arrivedAtUs / (200 * MS));
});
