import { createSecretKey } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hasIntegrity,
  parseStunMessage,
  readStunUsername,
  StunMessage,
  usernameOf,
} from "../../src/ice/stun-message.ts";
import {
  PRIORITY,
  RFC5769_IPV4_RESPONSE,
  RFC5769_IPV6_RESPONSE,
  RFC5769_PASSWORD,
  RFC5769_REQUEST,
  stunMessage,
  USE_CANDIDATE,
  USERNAME,
} from "./stun-fixtures.ts";

const key = (password: string) => createSecretKey(Buffer.from(password));

/** A message whose length field is exact, but nothing else is. */
const framedAsStun = fc.uint8Array({ maxLength: 200, size: "max" }).map((body) => {
  const bytes = new Uint8Array(20 + (body.length & ~3));
  bytes.set([0, 1, 0, bytes.length - 20, 0x21, 0x12, 0xa4, 0x42]);
  bytes.set(body.subarray(0, body.length & ~3), 20);
  return bytes;
});

describe("RFC 5769", () => {
  test.each([
    { name: "request", packet: RFC5769_REQUEST, type: 0x0001, username: "evtj" },
    { name: "IPv4 response", packet: RFC5769_IPV4_RESPONSE, type: 0x0101, username: undefined },
    { name: "IPv6 response", packet: RFC5769_IPV6_RESPONSE, type: 0x0101, username: undefined },
  ])("$name parses and has its integrity", ({ packet, type, username }) => {
    const message = new StunMessage();
    expect(parseStunMessage(packet, packet.length, message)).toBe(true);
    expect(message.type).toBe(type);
    expect(message.hasFingerprint).toBe(true);
    expect(usernameOf(packet, message)).toBe(username);
    expect(readStunUsername(packet, packet.length)).toBe(username);
    expect(hasIntegrity(packet, message, key(RFC5769_PASSWORD))).toBe(true);
    expect(hasIntegrity(packet, message, key("another"))).toBe(false);
  });

  test("the request says that its sender is controlled, and nominates nothing", () => {
    const message = new StunMessage();
    parseStunMessage(RFC5769_REQUEST, RFC5769_REQUEST.length, message);
    expect(message).toMatchObject({ iceControlled: true, useCandidate: false, unknownCount: 0 });
  });

  test("no truncation and no flipped bit gets past the checks", () => {
    const message = new StunMessage();
    for (let length = 0; length < RFC5769_REQUEST.length; length++) {
      expect(parseStunMessage(RFC5769_REQUEST.slice(0, length), length, message)).toBe(false);
    }
    for (let bit = 0; bit < RFC5769_REQUEST.length * 8; bit++) {
      const forged = RFC5769_REQUEST.slice();
      forged[bit >>> 3]! ^= 1 << (bit & 7);
      const parsed = parseStunMessage(forged, forged.length, message);
      // A longer attribute may swallow the signature and the fingerprint: then neither is there.
      expect(parsed && message.hasFingerprint, `bit ${bit}`).toBe(false);
    }
  });
});

const SIGNED = { attributes: [[USERNAME, "us:them"]], password: "secret" } as const;

test("what follows MESSAGE-INTEGRITY is ignored", () => {
  const packet = stunMessage({
    ...SIGNED,
    unsigned: [
      [USE_CANDIDATE, ""],
      [USERNAME, "evil:them"],
      [0x7abc, "?"],
    ],
  });
  const message = new StunMessage();
  expect(parseStunMessage(packet, packet.length, message)).toBe(true);
  expect(message).toMatchObject({ useCandidate: false, unknownCount: 0 });
  expect(usernameOf(packet, message)).toBe("us");
  expect(hasIntegrity(packet, message, key("secret"))).toBe(true);
});

test("of a repeated attribute the first counts", () => {
  const packet = stunMessage({
    attributes: [
      [USERNAME, "first:x"],
      [USERNAME, "second:x"],
    ],
    password: "secret",
  });
  const message = new StunMessage();
  expect(parseStunMessage(packet, packet.length, message)).toBe(true);
  expect(usernameOf(packet, message)).toBe("first");
});

test("attributes that must be understood and are not are listed, the first eight", () => {
  const types = [0x7001, 0x7002, 0x7003, 0x7004, 0x7005, 0x7006, 0x7007, 0x7008, 0x7009];
  const packet = stunMessage({
    attributes: [[0xc057, "optional"], ...types.map((type) => [type, "x"] as const)],
  });
  const message = new StunMessage();
  expect(parseStunMessage(packet, packet.length, message)).toBe(true);
  expect(message.unknownCount).toBe(8);
  expect([...message.unknown]).toEqual(types.slice(0, 8));
});

test.each([
  {
    name: "a fingerprint that is not last",
    packet: stunMessage({ ...SIGNED, trailing: [[PRIORITY, new Uint8Array(4)]] }),
  },
  { name: "a MESSAGE-INTEGRITY of another size", packet: stunMessage({ attributes: [[0x0008, "short"]] }) },
  { name: "USE-CANDIDATE with a value", packet: stunMessage({ attributes: [[USE_CANDIDATE, "x"]] }) },
  {
    name: "a message larger than a packet",
    packet: stunMessage({ attributes: [[0xc001, "x".repeat(1500)]] }),
  },
  { name: "another magic cookie", packet: reframed([4, 0x20]) },
  { name: "a first byte of DTLS", packet: reframed([0, 0x40]) },
  {
    name: "an attribute beyond the end",
    packet: stunMessage({ attributes: [], fingerprint: false }),
    tail: [0, 6, 0, 4],
  },
])("$name is malformed", ({ packet, tail }) => {
  const whole = tail === undefined ? packet : concat(packet, tail);
  expect(parseStunMessage(whole, whole.length, new StunMessage())).toBe(false);
});

test.each([
  ["no user name", stunMessage({ attributes: [] }), undefined],
  ["no colon", stunMessage({ attributes: [[USERNAME, "us"]] }), undefined],
  ["nothing before the colon", stunMessage({ attributes: [[USERNAME, ":them"]] }), ""],
  ["nothing after the colon", stunMessage({ attributes: [[USERNAME, "us:"]] }), "us"],
  [
    "two fragments of 256",
    stunMessage({ attributes: [[USERNAME, `${"u".repeat(256)}:${"t".repeat(256)}`]] }),
    "u".repeat(256),
  ],
  [
    "more than that",
    stunMessage({ attributes: [[USERNAME, `${"u".repeat(257)}:${"t".repeat(256)}`]] }),
    undefined,
  ],
] as const)("user name: %s", (_name, packet, expected) => {
  const message = new StunMessage();
  expect(parseStunMessage(packet, packet.length, message)).toBe(true);
  expect(usernameOf(packet, message)).toBe(expected);
  expect(readStunUsername(packet, packet.length)).toBe(expected);
});

test.each([
  ["another magic cookie", reframed([4, 0x20])],
  ["a first byte of DTLS", reframed([0, 0x40])],
  ["a length field that does not fit", reframed([3, 0])],
])("no user is named by a datagram with %s", (_name, packet) => {
  expect(readStunUsername(packet, packet.length)).toBeUndefined();
});

test("a user name that goes on beyond the datagram is none, though the buffer has more", () => {
  const packet = stunMessage({ attributes: [[USERNAME, "us:them!"]], fingerprint: false });
  for (let length = packet.length - 4; length >= 20; length -= 4) {
    packet[3] = length - 20;
    expect(readStunUsername(packet, length)).toBeUndefined();
    expect(parseStunMessage(packet, length, new StunMessage())).toBe(length === 20);
  }
});

test("arbitrary bytes never throw, nor does a wrong length of a buffer", () => {
  const message = new StunMessage();
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300, size: "max" }), framedAsStun), (packet) => {
      if (parseStunMessage(packet, packet.length, message)) {
        usernameOf(packet, message);
        hasIntegrity(packet, message, key("secret"));
      }
      readStunUsername(packet, packet.length);
    }),
    { numRuns: 2000 },
  );
});

function concat(head: Uint8Array, tail: readonly number[]): Uint8Array {
  const whole = Uint8Array.from([...head, ...tail]);
  new DataView(whole.buffer).setUint16(2, whole.length - 20);
  return whole;
}

/** A request with one byte of its header changed, and a FINGERPRINT that matches. */
function reframed([at, value]: readonly [number, number]): Uint8Array {
  const packet = stunMessage(SIGNED);
  packet[at] = value;
  const sum = new DataView(packet.buffer);
  sum.setUint32(packet.length - 4, (crc32(packet.subarray(0, packet.length - 8)) ^ 0x5354554e) >>> 0);
  return packet;
}
