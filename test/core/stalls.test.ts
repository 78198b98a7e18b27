/**
 * Goal: a thread that stood still (a stopped process, a paused machine) does not take its own silence for that of its peers,
 * whose packets are still on their way; but those that are gone it notices as ever.
 * Method: a simulated call whose time jumps between two ticks.
 */
import { expect, test } from "vitest";
import type { TransportState } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";

const SECOND_US = 1_000_000;

/** A call of some seconds, and the states that are reported from then on. */
function scene() {
  const path = { delayUs: 30_000 };
  const call = new Conference({
    people: ["ada", "bo"].map((name) => ({ name, sends: "audio" as const, up: path })),
    seed: 1,
  });
  const states: TransportState[] = [];
  call.run(3 * SECOND_US);
  call.told = (event) => {
    if (event.kind === "transport.state") states.push(event.state);
  };
  /** Timers that are due run before what has come is read. */
  const stand = (seconds: number): void => {
    call.nowUs += seconds * SECOND_US;
    call.core.tick(call.nowUs);
  };
  return { call, states, stand };
}

test.each([2, 10, 40])("after %i seconds everybody is still there", (seconds) => {
  const { call, states, stand } = scene();
  stand(seconds);
  call.run(10 * SECOND_US);
  expect(states).toEqual([]);
});

test("who has gone meanwhile is noticed after the usual time", () => {
  const { call, states, stand } = scene();
  call.seat("bo").peer.isSilent = true;
  stand(40);
  call.run(5 * SECOND_US);
  expect(states).toEqual([]);
  call.run(5 * SECOND_US);
  expect(states).toEqual(["disconnected"]);
  call.run(25 * SECOND_US);
  expect(states).toEqual(["disconnected", "failed"]);
});
