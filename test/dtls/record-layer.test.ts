import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRecord, HANDSHAKE, parseRecords, ReplayWindow } from "../../src/dtls/record-layer.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("parseRecords", () => {
  test("reads several records of a datagram with 48-bit numbers", () => {
    const datagram = hex("16fefd 0000 000000000007 0002 aabb  17fefd 0001 ffffffffffff 0001 cc");
    expect(parseRecords(datagram)).toEqual([
      { contentType: 22, epoch: 0, sequence: 7, payload: hex("aabb") },
      { contentType: 23, epoch: 1, sequence: 2 ** 48 - 1, payload: hex("cc") },
    ]);
  });

  test.each([
    ["only a type", "16"],
    ["a type and a version", "16fefd00"],
    ["a header without payload", "16fefd 0000 000000000000 0000"],
    ["a length beyond the end", "16fefd 0000 000000000000 0002 aa"],
    ["an unknown type", "1afefd 0000 000000000000 0001 ff"],
    ["a type below the first", "13fefd 0000 000000000000 0001 ff"],
    ["TLS 1.2 in place of DTLS", "160303 0000 000000000000 0001 ff"],
    ["DTLS 1.0 beyond epoch 0", "16feff 0001 000000000000 0001 ff"],
  ])("refuses %s", (_name, text) => {
    expect(parseRecords(hex(text))).toEqual([]);
  });

  test("accepts DTLS 1.0 in epoch 0, as hellos carry it", () => {
    expect(parseRecords(hex("16feff 0000 000000000000 0001 ff"))).toHaveLength(1);
  });

  test("refuses a payload above 2^14 + 2048 bytes and accepts one of that size", () => {
    const record = (bytes: number) =>
      encodeRecord({ contentType: HANDSHAKE, epoch: 1, sequence: 0, payload: new Uint8Array(bytes) });
    expect(parseRecords(record(16_384 + 2048))).toHaveLength(1);
    expect(parseRecords(record(16_384 + 2049))).toHaveLength(0);
  });

  test("keeps the records before a malformed one", () => {
    const good = encodeRecord({ contentType: HANDSHAKE, epoch: 0, sequence: 1, payload: hex("01") });
    expect(parseRecords(Buffer.concat([good, hex("16fefd00")]))).toHaveLength(1);
  });

  test("keeps sixteen records of a datagram, for an honest one has fewer", () => {
    const one = encodeRecord({ contentType: HANDSHAKE, epoch: 0, sequence: 1, payload: hex("01") });
    expect(parseRecords(Buffer.concat(new Array<Uint8Array>(17).fill(one)))).toHaveLength(16);
  });

  test("reads what encodeRecord wrote, and no truncation of it", () => {
    const sequence = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const payload = fc.uint8Array({ minLength: 1, maxLength: 100, size: "max" });
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 23 }), sequence, payload, (contentType, sequence, payload) => {
        const record = { contentType, epoch: 1, sequence, payload };
        const bytes = encodeRecord(record);
        expect(parseRecords(bytes)).toEqual([record]);
        for (let cut = 0; cut < bytes.length; cut++) expect(parseRecords(bytes.subarray(0, cut))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  test("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (bytes) => void parseRecords(bytes)),
    );
  });
});

describe("ReplayWindow", () => {
  test.each([
    ["a number once", [5], 5, false],
    ["a later number", [5], 6, true],
    ["an earlier number inside the window", [70], 7, true],
    ["a number that left the window", [70], 6, false],
    ["an earlier number once", [70, 7], 7, false],
    ["the old after a jump of 63", [0, 63], 0, false],
    ["the neighbours of the seen after a small step", [10, 12], 11, true],
    ["nothing old after a jump of 2^40", [1, 2 ** 40], 1, false],
    ["what is inside the window after such a jump", [1, 2 ** 40], 2 ** 40 - 63, true],
  ])("accepts %s: %j, then %d: %s", (_name, arrived, sequence, fresh) => {
    const window = new ReplayWindow();
    for (const earlier of arrived) window.record(earlier);
    expect(window.isFresh(sequence)).toBe(fresh);
  });

  test("agrees with a set of everything seen, inside the window", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 })), (sequences) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        for (const sequence of sequences) {
          const expected = sequence > Math.max(-1, ...seen) - 64 && !seen.has(sequence);
          expect(window.isFresh(sequence)).toBe(expected);
          if (!expected) continue;
          window.record(sequence);
          seen.add(sequence);
        }
      }),
    );
  });
});
