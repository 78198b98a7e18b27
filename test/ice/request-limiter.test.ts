import { expect, test } from "vitest";
import { type CalledAgent, RequestLimiter } from "../../src/ice/request-limiter.ts";

const SECOND_US = 1_000_000;

const agentOf = (): CalledAgent => ({ failuresSpentUntilUs: Number.NEGATIVE_INFINITY });

/** Whether anybody may call an agent that nobody has called before. */
const allows = (limiter: RequestLimiter, nowUs: number, address: string): boolean =>
  limiter.allows(nowUs, address, agentOf());

/** Requests from `address` that are let in and fail, of `tries` at one moment, each to another agent unless told. */
function failures(
  limiter: RequestLimiter,
  nowUs: number,
  address: string,
  tries: number,
  called?: CalledAgent,
): number {
  let failed = 0;
  for (let i = 0; i < tries; i++) {
    const agent = called ?? agentOf();
    if (!limiter.allows(nowUs, address, agent)) continue;
    limiter.onFailure(nowUs, address, agent);
    failed += 1;
  }
  return failed;
}

test("one source: a burst, then so many a second, and another source is not touched", () => {
  const limiter = new RequestLimiter(0x5eed);
  expect(failures(limiter, 0, "192.0.2.1", 1000)).toBe(100);
  expect(failures(limiter, SECOND_US, "192.0.2.1", 1000)).toBe(50);
  expect(allows(limiter, SECOND_US, "192.0.2.2")).toBe(true);
  expect(failures(limiter, 60 * SECOND_US, "192.0.2.1", 1000)).toBe(100);
});

test("all addresses of an IPv6 network share a bucket, those of the next do not", () => {
  const limiter = new RequestLimiter(0x5eed);
  expect(failures(limiter, 0, "2001:db8:0:1::1", 1000)).toBe(100);
  expect(allows(limiter, 0, "2001:db8:0:1:ffff::2")).toBe(false);
  expect(allows(limiter, 0, "2001:db8:0:2::1")).toBe(true);
});

// What was not used up in an hour is no credit.
test.each([0, 3600 * SECOND_US])("all sources together are capped, from %i on", (startUs) => {
  const limiter = new RequestLimiter(0x5eed);
  const flood = (nowUs: number): number => {
    let failed = 0;
    for (let i = 0; i < 20_000; i++)
      failed += failures(limiter, nowUs, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1);
    return failed;
  };
  expect(flood(startUs)).toBe(1000);
  expect(allows(limiter, startUs, "192.0.2.1")).toBe(false);
  expect(flood(startUs + SECOND_US)).toBe(1000);
  expect(allows(limiter, startUs + 3 * SECOND_US, "192.0.2.1")).toBe(true);
});

test("one agent: a burst, then so many a second, from however many sources, and another agent is not touched", () => {
  const limiter = new RequestLimiter(0x5eed);
  const agent = agentOf();
  const flood = (nowUs: number): number => {
    let failed = 0;
    for (let i = 0; i < 1_000; i++) failed += failures(limiter, nowUs, `10.0.${i >> 8}.${i & 255}`, 2, agent);
    return failed;
  };
  expect(flood(0)).toBe(40);
  expect(flood(SECOND_US)).toBe(20);
  expect(limiter.allows(SECOND_US, "192.0.2.2", agent)).toBe(false);
  expect(allows(limiter, SECOND_US, "192.0.2.2")).toBe(true);
  expect(flood(60 * SECOND_US)).toBe(40);
});

test("who may call a hundred agents, and fails at all of them, uses up what may fail at others for none", () => {
  const limiter = new RequestLimiter(0x5eed);
  const agents = Array.from({ length: 100 }, agentOf);
  let failed = 0;
  for (let tick = 0; tick < 100; tick++) {
    const nowUs = (tick * SECOND_US) / 10;
    agents.forEach((agent, i) => {
      failed += failures(limiter, nowUs, `10.0.${tick}.${i}`, 10, agent);
    });
    expect(allows(limiter, nowUs, "192.0.2.1")).toBe(true);
  }
  expect(failed).toBeLessThan(12_000);
  expect(limiter.allows(9.9 * SECOND_US, "192.0.2.1", agents[0]!)).toBe(false);
});

test("requests that do not fail are free", () => {
  const limiter = new RequestLimiter(0x5eed);
  for (let i = 0; i < 10_000; i++) expect(allows(limiter, 0, "192.0.2.1")).toBe(true);
});
