/**
 * Goal: what is sent under an SSRC of an ended section nobody can open, so no later section may have it.
 * Method: sections that come and go on one transport.
 */
import { expect, test } from "vitest";
import { asSsrc } from "../../src/base/ids.ts";
import { Ssrcs } from "../../src/control/ssrcs.ts";
import { conference, connect, must, VP8 } from "./conference.ts";

/** Steps on the circle of 32 bits. */
const distance = (from: number, to: number): number => (to - from) >>> 0;

test("the SSRCs of a section that has ended are passed by", () => {
  const viewer = connect(conference().rooms, "ada");
  const given = Array.from({ length: 50 }, () => {
    const slot = must(viewer.addSlot({ kind: "video", mid: "0", payloads: [VP8] }));
    viewer.removeSlot(slot);
    return [slot.section.ssrc, slot.section.rtxSsrc];
  }).flat();
  const [first] = given;
  const steps = given.map((ssrc) => distance(first!, ssrc));
  expect(new Set(steps).size).toBe(given.length);
  // Always further, by no more than the numbers that have a meaning.
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  expect(steps.at(-1)).toBeLessThanOrEqual(given.length + 1);
});

test("they wrap around, and keep off those that have a meaning or are the peer's", () => {
  const ssrcs = new Ssrcs(0xffff_ffff);
  ssrcs.take(asSsrc(2), asSsrc(3));
  ssrcs.free(asSsrc(3));
  expect([ssrcs.next(), ssrcs.next(), ssrcs.next()]).toEqual([0xffff_ffff, 3, 4]);
});
