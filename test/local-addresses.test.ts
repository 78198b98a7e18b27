import { expect, test } from "vitest";
import { localAddresses, threadCandidates } from "../src/local-addresses.ts";

const INTERFACES = {
  lo: [
    { address: "127.0.0.1", internal: true },
    { address: "::1", internal: true },
  ],
  eth0: [
    { address: "192.0.2.7", internal: false },
    { address: "fe80::1", internal: false },
    { address: "2001:db8::7", internal: false },
  ],
};

test.each([
  ["0.0.0.0", ["192.0.2.7", "127.0.0.1"]],
  ["::", ["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]],
  ["192.0.2.7", ["192.0.2.7"]],
  ["::1", ["::1"]],
])("%s is reached at %j", (host, addresses) => {
  expect(localAddresses(host, INTERFACES)).toEqual(addresses);
});

test("this machine has at least its loopback address", () => {
  expect(localAddresses("0.0.0.0")).toContain("127.0.0.1");
});

test("a thread is announced where it is told, else where it is bound", () => {
  const mapped = { address: "192.0.2.7", port: 50_000 };
  const announcedAddresses = [mapped, { address: "2001:db8::7", port: null }];
  expect(threadCandidates({ host: "0.0.0.0", announcedAddresses }, 0, 7_882)).toEqual([
    mapped,
    { address: "2001:db8::7", port: 7_882 },
  ]);
  expect(threadCandidates({ host: "0.0.0.0", announcedAddresses }, 2, 7_884)).toEqual([
    { address: "192.0.2.7", port: 50_002 },
    { address: "2001:db8::7", port: 7_884 },
  ]);
  expect(threadCandidates({ host: "192.0.2.9", announcedAddresses: [] }, 1, 7_883)).toEqual([
    { address: "192.0.2.9", port: 7_883 },
  ]);
});
