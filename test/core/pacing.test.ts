/**
 * Goal: pacing keeps a burst from a path that it would fill, and holds nothing back from one that has room.
 * Method: a simulated call; a receiver whose client sends feedback, and so is paced, beside one whose client sends none, and
 * so gets each frame as it comes. The same frames are compared.
 */
import { expect, test } from "vitest";
import { SLOT } from "../../src/base/counters.ts";
import { Conference } from "../sim/conference.ts";
import type { CompleteFrame } from "../sim/frame-assembler.ts";
import { line, MBPS } from "../sim/scenario.ts";

const SECOND_US = 1_000_000;
/** Until the estimate has found out that everything fits. */
const SETTLED_US = 10 * SECOND_US;

test("on a path with room a frame is complete hardly later than without pacing", () => {
  const down = line(50 * MBPS);
  const conference = new Conference({
    seed: 1,
    people: [
      { name: "ada", watches: [] },
      { name: "paced", sends: "nothing", watches: ["ada"], down },
      { name: "free", sends: "nothing", watches: ["ada"], down, numbersPackets: false },
    ],
  });
  conference.run(30 * SECOND_US);
  const framesOf = (name: string): CompleteFrame[] => {
    const { viewer } = conference.seat(name).peer.view("video", "ada");
    return viewer.assembler.complete.filter(({ completeUs }) => completeUs > SETTLED_US);
  };
  const keyOf = ({ stream, frame }: CompleteFrame): string => `${stream} ${frame}`;
  const free = new Map(framesOf("free").map((frame) => [keyOf(frame), frame.completeUs]));
  const laterUs = framesOf("paced").flatMap((frame) => {
    const freeUs = free.get(keyOf(frame));
    return freeUs === undefined ? [] : [frame.completeUs - freeUs];
  });
  laterUs.sort((a, b) => a - b);
  expect(laterUs.length).toBeGreaterThan(500);
  expect(laterUs[Math.floor(laterUs.length * 0.95)]).toBeLessThan(5_000);
});

test("what is released for many at one time goes out in several parts, however few the ring takes", () => {
  const viewers = Array.from({ length: 40 }, (_, i) => ({
    name: `viewer-${i}`,
    sends: "nothing" as const,
    watches: ["ada"],
  }));
  const conference = new Conference({
    seed: 1,
    people: [{ name: "ada", watches: [] }, ...viewers],
    ringSlots: 96,
  });
  conference.run(10 * SECOND_US);
  expect(conference.core.counters[SLOT.downDropped_ring_full]).toBe(0);
});
