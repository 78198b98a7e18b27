/**
 * Goal: who begins to watch sees something at once, and what is published first is not lost on those who wait for it.
 * Method: simulated calls, with a way so long to or from the publisher that what was asked for again shows.
 */
import { expect, test } from "vitest";
import { at, line, MBPS, play, watches } from "../sim/scenario.ts";
import type { Sends } from "../sim/sim-publisher.ts";

/** One way. */
const FAR_S = 0.2;
const far = { delayUs: FAR_S * 1_000_000 };

const videos: readonly Sends[] = ["simulcast", "svc"];

test.each(videos)("%s: its first key frame reaches those who wait for it", (sends) => {
  const people = [
    { name: "ada", sends, watches: [], up: far, down: far },
    { name: "bo", sends: "audio", watches: ["ada"], down: line(4 * MBPS) } as const,
  ];
  const { firstPictureS } = play({ seed: 1, seconds: 2, people }).view("bo", "ada");
  // A PLI and its answer would take twice the way.
  expect(firstPictureS).toBeLessThan(2 * FAR_S);
});

test.each(videos)("%s: who comes to a call sees it after a PLI, whatever the timers are about", (sends) => {
  const people = [
    { name: "ada", sends, watches: [] },
    { name: "cy", sends, watches: [] },
    { name: "bo", sends: "audio", watches: ["cy"], down: line(6 * MBPS) } as const,
  ];
  for (const phaseS of [0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18]) {
    const second = 4 + phaseS;
    const events = [at(second, watches("bo", "ada"))];
    const { firstPictureS } = play({ seed: 1, seconds: 5, people, events }).view("bo", "ada");
    expect(firstPictureS - second, `${phaseS}`).toBeLessThan(0.18);
  }
});
