import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { parseMessage } from "werift";
import { hasIntegrity, parseStunMessage, StunMessage } from "../../src/ice/stun-message.ts";
import { writeBindingError, writeBindingSuccess } from "../../src/ice/stun-response.ts";
import {
  attributesOf,
  RFC5769_IPV4_RESPONSE,
  RFC5769_IPV6_RESPONSE,
  RFC5769_PASSWORD,
  RFC5769_REQUEST,
  stunMessage,
} from "./stun-fixtures.ts";

const KEY = createSecretKey(Buffer.from(RFC5769_PASSWORD));
const XOR_MAPPED_ADDRESS = 0x0020;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;

/** What `write` puts at offset 7 of a filled buffer, after it was seen to keep to its place and to be signed. */
function written(write: (out: Uint8Array, at: number) => number): Uint8Array {
  const out = new Uint8Array(300).fill(0xee);
  const bytes = write(out, 7);
  const response = out.slice(7, 7 + bytes);
  expect(bytes).toBeLessThanOrEqual(100);
  expect(out.subarray(0, 7).every((b) => b === 0xee)).toBe(true);
  expect(out.subarray(7 + bytes).every((b) => b === 0xee)).toBe(true);
  const message = new StunMessage();
  expect(parseStunMessage(response, bytes, message)).toBe(true);
  expect(message.hasFingerprint).toBe(true);
  expect(hasIntegrity(response, message, KEY)).toBe(true);
  expect(response.subarray(4, 20)).toEqual(RFC5769_REQUEST.subarray(4, 20));
  return response;
}

test.each([
  { address: "192.0.2.1", golden: RFC5769_IPV4_RESPONSE },
  { address: "2001:db8:1234:5678:11:2233:4455:6677", golden: RFC5769_IPV6_RESPONSE },
])("success carries $address as RFC 5769 does, and werift reads it", ({ address, golden }) => {
  const response = written((out, at) => writeBindingSuccess(out, at, RFC5769_REQUEST, address, 32853, KEY));
  expect(attributesOf(response).get(XOR_MAPPED_ADDRESS)).toEqual(
    attributesOf(golden).get(XOR_MAPPED_ADDRESS),
  );
  const read = parseMessage(Buffer.from(response), Buffer.from(RFC5769_PASSWORD));
  expect(read?.getAttributeValue("XOR-MAPPED-ADDRESS")).toBeDefined();
});

test("no response to an address that is none", () => {
  expect(writeBindingSuccess(new Uint8Array(200), 0, RFC5769_REQUEST, "example.org", 1, KEY)).toBe(0);
});

test("487 says what it is", () => {
  const response = written((out, at) =>
    writeBindingError(out, at, RFC5769_REQUEST, new StunMessage(), 487, KEY),
  );
  expect(Buffer.from(attributesOf(response).get(ERROR_CODE)!).toString("latin1")).toBe(
    "\0\0\x04\x57Role Conflict",
  );
  expect(attributesOf(response).has(UNKNOWN_ATTRIBUTES)).toBe(false);
});

test.each([1, 3, 8])("420 lists %i unknown attributes", (count) => {
  const types = Array.from({ length: count }, (_, i) => 0x7000 + i);
  const request = stunMessage({ attributes: types.map((type) => [type, "x"]) });
  const message = new StunMessage();
  expect(parseStunMessage(request, request.length, message)).toBe(true);
  const response = written((out, at) => writeBindingError(out, at, RFC5769_REQUEST, message, 420, KEY));
  const listed = attributesOf(response).get(UNKNOWN_ATTRIBUTES)!;
  expect(listed).toEqual(Uint8Array.from(types.flatMap((type) => [type >>> 8, type & 0xff])));
  expect([...attributesOf(response).get(ERROR_CODE)!.subarray(0, 4)]).toEqual([0, 0, 4, 20]);
});
