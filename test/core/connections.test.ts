/**
 * Goal: the core serves a peer over a TCP connection as over any path, and knows at once when that has ended.
 * Method: a conference in which one has a connection; it ends, and comes back as another.
 */
import { expect, test } from "vitest";
import type { TransportState } from "../../src/contract/media.ts";
import { Conference } from "../sim/conference.ts";

test("media stop when a peer's connection ends, and go on over its next", () => {
  const conference = new Conference({ people: [{ name: "ada" }, { name: "bo", sends: "nothing" }], seed: 1 });
  const { core, paths } = conference;
  const { peer } = conference.seat("bo");
  const states: TransportState[] = [];
  conference.told = (event) => {
    if (event.kind === "transport.state" && event.transportId === peer.transportId) states.push(event.state);
  };
  const check = (path: ReturnType<typeof paths.addConnection>): void =>
    conference.receive(peer.ice.request(), path);

  const first = paths.addConnection("192.0.2.1", 4000);
  check(first);
  const second = paths.addConnection("192.0.2.1", 4001);
  expect(rowsTo(conference, first)).toBeGreaterThan(0);

  paths.endConnection(first);
  core.endPath(conference.nowUs, first);
  expect(rowsTo(conference, first)).toBe(0);
  expect(states.at(-1)).toBe("disconnected");
  check(second);
  expect(rowsTo(conference, second)).toBeGreaterThan(0);
  expect(states.at(-1)).toBe("connected");
});

test("a connection that was nobody's ends without a word", () => {
  const { core, paths, nowUs } = new Conference({ people: [{ name: "ada" }], seed: 1 });
  core.endPath(nowUs, paths.addConnection("192.0.2.1", 4000));
  expect(core.events).toEqual([]);
});

/** Packets that the core sends to `path` within a tenth of a second. */
function rowsTo(conference: Conference, path: number): number {
  const { ring } = conference.core;
  let rows = 0;
  const clear = ring.clear.bind(ring);
  ring.clear = () => {
    rows += ring.path.subarray(0, ring.count).filter((to) => to === path).length;
    clear();
  };
  conference.seat("bo").peer.isSilent = true;
  conference.run(100_000);
  ring.clear = clear;
  return rows;
}
