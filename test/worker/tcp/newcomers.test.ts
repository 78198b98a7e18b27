import { expect, test } from "vitest";
import { Newcomers, networkOf } from "../../../src/worker/tcp/newcomers.ts";

const of = (network: string): { readonly network: string } => ({ network });

test("one network gets so many places, and others theirs", () => {
  const newcomers = new Newcomers({ total: 10, ofNetwork: 2 });
  const [first, second] = [of("a"), of("a")];
  newcomers.add(first);
  newcomers.add(first);
  expect(newcomers.admits("a")).toBe(true);
  newcomers.add(second);
  expect([newcomers.admits("a"), newcomers.admits("b")]).toEqual([false, true]);
  newcomers.delete(first);
  newcomers.delete(first);
  expect(newcomers.admits("a")).toBe(true);
});

test("when all places are taken, the oldest has to go", () => {
  const newcomers = new Newcomers({ total: 2, ofNetwork: 2 });
  const [first, second] = [of("a"), of("b")];
  newcomers.add(first);
  expect(newcomers.surplus).toBeUndefined();
  newcomers.add(second);
  expect(newcomers.surplus).toBe(first);
  newcomers.delete(first);
  expect(newcomers.surplus).toBeUndefined();
  newcomers.add(first);
  expect(newcomers.surplus).toBe(second);
});

test("an IPv4 address is a network, and so are the first 64 bits of an IPv6 address", () => {
  expect(networkOf("192.0.2.1")).not.toBe(networkOf("192.0.2.2"));
  expect(networkOf("2001:db8:0:1::1")).toBe(networkOf("2001:db8:0:1:ffff::2"));
  expect(networkOf("2001:db8:0:1::1")).not.toBe(networkOf("2001:db8:0:2::1"));
});
