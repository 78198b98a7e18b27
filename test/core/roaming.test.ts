/**
 * Goal: who goes to another network is sent what that one carries, as if they had just come, and not what the old one did.
 * Method: simulated calls in which a viewer's address and line change after 20 s; beside each, the same with another port
 * of the same address, which is taken for the same network: what was learnt is kept.
 */
import { describe, expect, test } from "vitest";
import type { LinkReport, ViewReport } from "../sim/call-report.ts";
import { at, KBPS, line, MBPS, play, roams } from "../sim/scenario.ts";

const ROAM_S = 20;
const SEEDS = [1, 2, 3];
/** The viewer's before it roams. */
const ADDRESS = "10.0.0.2";

function roam(seed: number, fromBps: number, toBps: number, address?: string): ViewReport & LinkReport {
  const people = [
    { name: "ada", sends: "simulcast" as const, watches: [] },
    { name: "bo", sends: "audio" as const, watches: ["ada"], down: line(fromBps) },
  ];
  const events = [at(ROAM_S, roams("bo", line(toBps), address))];
  const report = play({ seed, seconds: 40, people, events });
  return { ...report.view("bo", "ada"), ...report.link("bo") };
}

describe.each(SEEDS)("seed %i", (seed) => {
  test("to a line that is twenty times wider: the best layer within two seconds", () => {
    const { layerOfSecond } = roam(seed, 300 * KBPS, 6 * MBPS);
    expect(layerOfSecond.slice(ROAM_S - 5, ROAM_S)).toEqual(new Array(5).fill(0));
    expect(layerOfSecond.slice(ROAM_S + 2)).toEqual(new Array(18).fill(2));
  });

  test("to a line that is fifteen times narrower: nothing is too much for it, as what the old one carried would be", () => {
    const anew = roam(seed, 6 * MBPS, 400 * KBPS);
    const kept = roam(seed, 6 * MBPS, 400 * KBPS, ADDRESS);
    expect([anew.overflowed, anew.framesLost, anew.audioLoss]).toEqual([0, 0, 0]);
    expect(anew.freezes.totalS).toBeLessThan(0.6);
    expect(kept.overflowed).toBeGreaterThan(30);
    expect(kept.framesLost).toBeGreaterThan(3);
    expect(kept.freezes.totalS).toBeGreaterThan(anew.freezes.totalS);
  });

  test("to one as good: no stop, and the best layer goes on", () => {
    const { freezes, layerOfSecond, audioLoss } = roam(seed, 6 * MBPS, 6 * MBPS);
    expect([freezes.totalS, audioLoss]).toEqual([0, 0]);
    expect(layerOfSecond.slice(ROAM_S)).toEqual(new Array(20).fill(2));
  });
});
