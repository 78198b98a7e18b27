/**
 * Goal: a gap in the numbers that a receiver sees is a loss of something that it should have had, and nothing else.
 * Method: a way up on which packets overtake each other and none is lost, and a viewer who changes layers and pauses all
 * the time.
 */
import { expect, test } from "vitest";
import { NO_PREFERENCE } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const MS = 1_000;
const UP = { delayUs: 25 * MS, jitterUs: 40 * MS };

test.each([
  ["simulcast", 1],
  ["simulcast", 2],
  ["svc", 1],
  ["svc", 2],
] as const)("%s: no number is left out where nothing was lost, seed %i", (sends, seed) => {
  const call = new Conference({
    people: [
      { name: "ada", sends, watches: [], up: UP },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed,
  });
  const random = seededRandom(seed);
  call.run(2_000 * MS);
  for (let wishes = 0; wishes < 20; wishes++) {
    const paused = random() < 0.2;
    const preferred = { spatial: Math.floor(random() * 3), temporal: Math.floor(random() * 3) };
    call.prefer("bo", "ada", { ...NO_PREFERENCE, paused, preferred });
    call.run(Math.floor(random() * 2_000) * MS);
  }
  // What is under way at the end is no gap.
  call.prefer("bo", "ada", { ...NO_PREFERENCE, paused: true });
  call.run(200 * MS);
  const { viewer } = call.seat("bo").peer.view("video", "ada");
  expect(viewer.decoder.shown.length).toBeGreaterThan(200);
  expect(viewer.numbers.gaps).toBe(0);
});
