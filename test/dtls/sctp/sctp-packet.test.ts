import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "werift";
import {
  encodeForwardTsn,
  encodeSack,
  hasRightChecksum,
  parsePacket,
  parseParameters,
  tsnAhead,
  tsnPlus,
} from "../../../src/dtls/sctp/sctp-packet.ts";
import { chunk, hex, packet, parameter, u32, withChecksum } from "./packets.ts";

describe("CRC32c", () => {
  // RFC 3720 appendix B.4, to which RFC 9260 appendix A leads; the last is the check value of the algorithm.
  test.each<[string, Uint8Array, number]>([
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["32 decrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [
      "an iSCSI read command",
      hex(
        "01c0000000000000 0000000000000000 1400000000000400 0000001400000018 2800000000000000 0200000000000000",
      ),
      0xd9963a56,
    ],
    ["123456789", Buffer.from("123456789"), 0xe3069283],
  ])("of %s", (_what, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test("of a packet covers all of it but the checksum", () => {
    const good = packet(0x1234_5678, chunk(10, Buffer.alloc(24, 7)));
    expect(hasRightChecksum(good)).toBe(true);
    for (let at = 0; at < good.length; at++) {
      const changed = Uint8Array.from(good);
      changed[at]! ^= 0x10;
      expect(hasRightChecksum(changed)).toBe(false);
    }
    expect(hasRightChecksum(new Uint8Array(11))).toBe(false);
  });
});

describe("packets", () => {
  const good = packet(7, chunk(0, Buffer.from("abcde"), 3), chunk(3, new Uint8Array(0)));

  test("are taken apart", () => {
    const parsed = parsePacket(good)!;
    expect(parsed).toMatchObject({ sourcePort: 5000, destinationPort: 5000, verificationTag: 7 });
    expect(
      parsed.chunks.map(({ type, flags, value }) => [type, flags, Buffer.from(value).toString()]),
    ).toEqual([
      [0, 3, "abcde"],
      [3, 0, ""],
    ]);
  });

  test("are refused at every truncation", () => {
    // Cut behind its first chunk it is a packet of one chunk.
    const whole = 12 + 12;
    for (let length = 0; length < good.length; length++) {
      const parsed = parsePacket(good.subarray(0, length));
      if (length === whole) expect(parsed?.chunks).toHaveLength(1);
      else expect(parsed, `${length} bytes`).toBeUndefined();
    }
  });

  test.each([0, 1, 2, 3, 100])("are refused when a chunk says that it has %d bytes", (length) => {
    expect(parsePacket(packet(7, chunk(4, Buffer.alloc(8), 0, length)))).toBeUndefined();
  });

  test("arbitrary bytes never throw, and what is found lies within", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const { value } of parsePacket(bytes)?.chunks ?? []) parseParameters(value);
        parseParameters(bytes);
        hasRightChecksum(bytes);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("parameters", () => {
  test("are taken apart, the last without padding", () => {
    const value = Buffer.concat([parameter(0xc000, new Uint8Array(0)), parameter(0x8008, hex("82c0c1"))]);
    const parsed = [value, value.subarray(0, -1)].map((bytes) =>
      parseParameters(bytes)!.map(({ type, value: body }) => [type, Buffer.from(body).toString("hex")]),
    );
    expect(parsed[0]).toEqual([
      [0xc000, ""],
      [0x8008, "82c0c1"],
    ]);
    expect(parsed[1]).toEqual(parsed[0]);
  });

  test.each([0, 3, 9])("are refused when one says that it has %d bytes", (length) => {
    expect(parseParameters(parameter(1, hex("00000000"), length))).toBeUndefined();
  });

  test("are refused when bytes are left over", () => {
    expect(parseParameters(Buffer.concat([parameter(1, u32(0)), hex("0001")]))).toBeUndefined();
  });
});

describe("what we write", () => {
  test("a SACK with gap blocks", () => {
    const bytes = encodeSack(0xfffffffe, 1000, [
      [2, 3],
      [5, 5],
    ]);
    expect(Buffer.from(bytes).toString("hex")).toBe("03000018fffffffe000003e8000200000002000300050005");
  });

  test("a FORWARD-TSN with an ordered stream", () => {
    expect(Buffer.from(encodeForwardTsn(9, [[2, 65_535]])).toString("hex")).toBe("c000000c000000090002ffff");
  });
});

test.each([
  [1, 2, 1],
  [2, 1, -1],
  [0xffffffff, 0, 1],
  [0, 0xffffffff, -1],
  [0xfffffff0, 0x10, 0x20],
  [5, 5, 0],
])("from TSN %d to %d it is %d", (from, to, distance) => {
  expect(tsnAhead(from, to)).toBe(distance);
  expect(tsnPlus(from, distance)).toBe(to);
});

test("a checksum can be put right", () => {
  expect(hasRightChecksum(withChecksum(Buffer.alloc(16, 9)))).toBe(true);
});
