import fc from "fast-check";
import { expect, test } from "vitest";
import { Pacer } from "../../src/cc/pacer.ts";

const MS = 1_000;
/** 110 bytes a millisecond. */
const RATE_BPS = 880_000;
/** In a tick. */
const PACED_BYTES = 1_100;
/** On the wire with its headers: 1,100 bytes. */
const PAYLOAD_BYTES = 1_072;

function pacerAt(rateBps: number, nowUs: number): Pacer {
  const pacer = new Pacer();
  pacer.setRate(rateBps);
  pacer.maySend(nowUs);
  return pacer;
}

/** Packets that leave in a tick, of as many as want to. */
function drain(pacer: Pacer, nowUs: number): number {
  let packets = 0;
  for (; pacer.maySend(nowUs) && packets < 100; packets++) pacer.onSent(PAYLOAD_BYTES, nowUs);
  return packets;
}

test("a backlog leaves at the paced rate, tick by tick", () => {
  const pacer = pacerAt(RATE_BPS, 0);
  const perTick = Array.from({ length: 100 }, (_, tick) => drain(pacer, tick * 10 * MS));
  const sent = perTick.reduce((sum, packets) => sum + packets, 0);
  expect(Math.abs(sent * PACED_BYTES - 1_000 * 110)).toBeLessThanOrEqual(2 * PACED_BYTES);
  expect(Math.max(...perTick.slice(1))).toBeLessThanOrEqual(2);
});

test("after silence there is credit for one tick, not for the silence", () => {
  expect(drain(pacerAt(RATE_BPS, 0), 60_000 * MS)).toBeLessThanOrEqual(2);
});

test("audio adds to the debt and video waits for it", () => {
  const pacer = pacerAt(RATE_BPS, 0);
  for (let i = 0; i < 5; i++) pacer.onSent(PAYLOAD_BYTES, 10 * MS);
  expect([pacer.maySend(10 * MS), pacer.maySend(40 * MS), pacer.maySend(50 * MS)]).toEqual([
    false,
    false,
    true,
  ]);
});

test("debt is bounded: video goes on within 300 ms whatever else was sent", () => {
  const pacer = pacerAt(RATE_BPS, 0);
  for (let i = 0; i < 10_000; i++) pacer.onSent(PAYLOAD_BYTES, 10 * MS);
  expect([pacer.maySend(300 * MS), pacer.maySend(311 * MS)]).toEqual([false, true]);
});

test("without a rate nothing waits for ever, once there is one", () => {
  const pacer = new Pacer();
  pacer.onSent(PAYLOAD_BYTES, 0);
  pacer.setRate(RATE_BPS);
  expect(pacer.maySend(10 * MS)).toBe(true);
});

test("over any time no more leaves than the rate, a tick and a packet allow", () => {
  const step = fc.record({
    afterUs: fc.integer({ min: 0, max: 50 * MS }),
    wanted: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200, size: "max" }), (steps) => {
      const pacer = pacerAt(RATE_BPS, 0);
      let nowUs = 0;
      let bytes = 0;
      for (const { afterUs, wanted } of steps) {
        nowUs += afterUs;
        for (let i = 0; i < wanted && pacer.maySend(nowUs); i++) {
          pacer.onSent(PAYLOAD_BYTES, nowUs);
          bytes += PACED_BYTES;
        }
      }
      expect(bytes).toBeLessThanOrEqual((nowUs / MS) * 110 + 1_100 + PACED_BYTES + 1);
    }),
  );
});
