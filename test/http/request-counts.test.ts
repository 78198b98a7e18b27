/** Goal: many addresses can neither fill the memory nor make the server forget who asks most. `server.test.ts` has the rest. */
import { expect, test } from "vitest";
import { requestCounts } from "../../src/http/request-counts.ts";
import { HandClock } from "../control/conference.ts";

test("the network that was heard longest ago is forgotten first", () => {
  const counts = new (requestCounts(new HandClock()))({});
  const ask = (network: string): number => {
    let requests = 0;
    const take = (_error: Error | null, result?: { current: number }): void => {
      requests = result!.current;
    };
    counts.incr(network, take, 60_000, 1);
    return requests;
  };
  expect(["first", "second", "first"].map(ask)).toEqual([1, 1, 2]);
  for (let other = 0; other < 4_999; other++) ask(`other ${other}`);
  expect(ask("first")).toBe(3);
  expect(ask("second")).toBe(1);
});
