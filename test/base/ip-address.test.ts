import { isIP } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIpAddress } from "../../src/base/ip-address.ts";

test.each([
  ["0.0.0.0", "00000000"],
  ["192.0.2.255", "c00002ff"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::1", "20010db8000000000000000000000001"],
  ["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
  ["1::", "00010000000000000000000000000000"],
])("%s", (text, hex) => {
  const out = new Uint8Array(16);
  const bytes = parseIpAddress(text, out);
  expect(Buffer.from(out.subarray(0, bytes)).toString("hex")).toBe(hex);
});

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "1.2.3.4.5",
  "1.2.3.x",
  "localhost",
  ":",
  ":::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1::2::3",
  "12345::",
  "::1.2.3",
  "1:2:3:4:5:6:7::8:9",
])("%j is no address", (text) => {
  expect(parseIpAddress(text, new Uint8Array(16))).toBe(0);
});

test("knows every address that the system knows", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      expect(parseIpAddress(text, new Uint8Array(16))).toBe(isIP(text) === 4 ? 4 : 16);
    }),
  );
});
