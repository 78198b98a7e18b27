/**
 * Goal: a call is the same whatever the clock shows when it begins, also where a number that is made from the clock wraps.
 * Method: one simulated call with loss, begun shortly after the clock's zero, and again some seconds before each wrap.
 */
import { beforeAll, expect, test } from "vitest";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;
const HOUR_US = 3_600 * SECOND_US;
const LASTS_US = 8 * SECOND_US;
/** Of buckets, slots, ticks and reference times in the code under test: a multiple of all. */
const STEPS_US = 1_600_000;
const FIRST_US = STEPS_US;

/** What everybody got: frames, and packets of audio and video. */
function play(startUs: number): number[] {
  const path = { delayUs: 30_000, jitterUs: 5_000, loss: 0.02 };
  const people = [
    { name: "ada", up: path, down: { ...path, rateBps: 3_000_000 } },
    { name: "bo", up: path, down: { ...path, rateBps: 1_000_000 } },
  ];
  const call = new Conference({ people, seed: 3, startUs });
  call.run(LASTS_US);
  return call.people.flatMap((peer, i) => {
    const other = call.people[1 - i]!.name;
    const [audio, video] = [peer.view("audio", other).viewer, peer.view("video", other).viewer];
    return [video.assembler.complete.length, video.numbers.count, audio.numbers.count];
  });
}

let atFirst: number[];
beforeAll(() => {
  atFirst = play(FIRST_US);
});

test.each([
  { name: "abs-send-time", wrapUs: 64 * SECOND_US },
  { name: "32 bits of microseconds", wrapUs: 2 ** 32 },
  { name: "an RTP timestamp of 90 kHz that begins at zero", wrapUs: (2 ** 32 / 90_000) * SECOND_US },
  { name: "the middle of an NTP time", wrapUs: 2 ** 16 * SECOND_US },
  { name: "transport-wide reference time", wrapUs: 2 ** 24 * 64_000 },
  { name: "31 bits of milliseconds", wrapUs: 2 ** 31 * 1_000 },
  { name: "32 bits of milliseconds", wrapUs: 2 ** 32 * 1_000 },
  { name: "nothing, after ten years", wrapUs: 10 * 365 * 24 * HOUR_US },
])("over the wrap of $name", ({ wrapUs }) => {
  const beforeUs = wrapUs - LASTS_US / 2 - FIRST_US;
  const startUs = FIRST_US + STEPS_US * Math.floor(beforeUs / STEPS_US);
  expect(play(startUs)).toEqual(atFirst);
});
