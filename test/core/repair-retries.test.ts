/**
 * Goal: a publisher far away is not asked twice for what is on its way.
 * Method: simulated calls with loss on a long way up; in one of them the publisher answers reference times (RFC 3611 §4.5),
 * by which its round-trip time becomes known.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;
const FAR = { delayUs: 150_000 };

/** Share of the repairs that come to what has been repaired already. */
function needless(answersReferenceTimes: boolean): number {
  const call = new Conference({
    people: [
      { name: "ada", sends: "svc", watches: [], up: { ...FAR, loss: 0.02 }, down: FAR },
      { name: "bo", sends: "nothing", watches: ["ada"] },
    ],
    seed: 1,
  });
  call.seat("ada").peer.answersReferenceTimes = answersReferenceTimes;
  call.run(20 * SECOND_US);
  const { counters } = call.core;
  return counters[SLOT.upDropped_duplicate]! / counters[SLOT.upRtxPackets]!;
}

test("a publisher that answers reference times is asked again after a round trip of its own", () => {
  expect(needless(true)).toBeLessThan(0.1);
  expect(needless(false)).toBeGreaterThan(0.5);
});
