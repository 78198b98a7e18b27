import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAnnouncedAddress } from "../../src/config/announced-address.ts";

test.each([
  ["192.0.2.7", { address: "192.0.2.7", port: null }],
  ["192.0.2.7:1", { address: "192.0.2.7", port: 1 }],
  ["192.0.2.7:65535", { address: "192.0.2.7", port: 65_535 }],
  ["2001:db8::7", { address: "2001:db8::7", port: null }],
  // Without brackets it is an address, not a port.
  ["2001:db8::7:5000", { address: "2001:db8::7:5000", port: null }],
  ["[2001:db8::7]:5000", { address: "2001:db8::7", port: 5_000 }],
])("%s", (text, expected) => {
  expect(parseAnnouncedAddress(text)).toEqual(expected);
});

test.each([
  "",
  "192.0.2.7:",
  "192.0.2.7:0",
  "192.0.2.7:65536",
  "192.0.2.7:5000 ",
  "192.0.2.7:-1",
  "192.0.2.7:5000:1",
  "192.0.2:5000",
  "[192.0.2.7]:5000",
  "[2001:db8::7]",
  "[2001:db8::7]:0",
  "[2001:db8::7:5000",
  "2001:db8:::7",
  "example.org:5000",
])("not an address: %j", (text) => {
  expect(parseAnnouncedAddress(text)).toBeUndefined();
});

test("what is written with a port is read again", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(fc.ipV4(), port, (address, number) => {
      expect(parseAnnouncedAddress(`${address}:${number}`)).toEqual({ address, port: number });
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), port, (address, number) => {
      expect(parseAnnouncedAddress(`[${address}]:${number}`)).toEqual({ address, port: number });
    }),
  );
});
