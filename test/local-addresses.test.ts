import { expect, test } from "vitest";
import { foreignAddresses, localAddresses, threadCandidates } from "../src/local-addresses.ts";

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
  ["0::0", ["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]],
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
  const told = { host: "0.0.0.0", announcedAddresses: [mapped, { address: "2001:db8::7", port: null }] };
  expect(threadCandidates({ ...told, tcp: false }, 0, 7_882)).toEqual([
    { protocol: "udp", ...mapped },
    { protocol: "udp", address: "2001:db8::7", port: 7_882 },
  ]);
  expect(threadCandidates({ ...told, tcp: false }, 2, 7_884)).toEqual([
    { protocol: "udp", address: "192.0.2.7", port: 50_002 },
    { protocol: "udp", address: "2001:db8::7", port: 7_884 },
  ]);
  const bound = { host: "192.0.2.9", announcedAddresses: [], tcp: true };
  expect(threadCandidates(bound, 1, 7_883)).toEqual([
    { protocol: "udp", address: "192.0.2.9", port: 7_883 },
    { protocol: "tcp", address: "192.0.2.9", port: 7_883 },
  ]);
});

test.each([
  ["0.0.0.0", ["2001:db8::7"]],
  ["192.0.2.9", ["2001:db8::7"]],
  ["2001:db8::9", ["192.0.2.7"]],
  ["::", []],
])("of what is announced, a socket bound to %s does not hear %j", (host, addresses) => {
  const announcedAddresses = [
    { address: "192.0.2.7", port: 50_000 },
    { address: "2001:db8::7", port: null },
  ];
  expect(foreignAddresses({ host, announcedAddresses })).toEqual(addresses);
});
