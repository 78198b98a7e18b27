/**
 * Goal: what two clocks have come apart in a long pause is neither a queue nor jitter.
 * Method: packets at a steady pace over an empty path, an hour of nothing, and more of them.
 */
import { expect, test } from "vitest";
import { DelayMonitor } from "../../src/cc/delay-monitor.ts";

const MS = 1_000;
const SPACING_US = 20 * MS;
const HOUR_US = 3_600_000 * MS;

/** Cheap crystals are off by as much. */
test.each([-100, 100])("a receiver's clock that is off by %i millionths", (ppm) => {
  const monitor = new DelayMonitor();
  const signals = new Set<string>();
  const play = (fromUs: number): void => {
    for (let packet = 0; packet < 200; packet++) {
      const sentUs = fromUs + packet * SPACING_US;
      const arrivalUs = sentUs * (1 + ppm / 1_000_000);
      monitor.onPackets({ packets: 1, sentUs, firstArrivalUs: arrivalUs, arrivalUs });
      for (const limited of [false, true]) signals.add(monitor.signal(limited));
      expect(monitor.jitterUs).toBeLessThan(MS);
    }
  };
  play(0);
  play(HOUR_US);
  expect([...signals]).toEqual(["normal"]);
});
