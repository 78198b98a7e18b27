/** Goal: what a stream's chunks make is delivered when it is complete and due, whatever the order of their coming. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IncomingStream } from "../../../src/dtls/sctp/incoming-stream.ts";

/** "tsn flags sequence payload": flags F first, L last, U unordered. */
function add(stream: IncomingStream, text: string): void {
  const [tsn, flags, sequence, payload] = text.split(" ");
  const bits = { F: 2, L: 1, U: 4 } as Record<string, number>;
  stream.addChunk({
    tsn: Number(tsn),
    flags: [...flags!].reduce((sum, flag) => sum + (bits[flag] ?? 0), 0),
    streamId: 1,
    streamSeqNum: Number(sequence),
    protocol: 53,
    userData: Buffer.from(payload!),
  });
}

const popped = (stream: IncomingStream): string[] =>
  [...stream.popMessages()].map(([, , payload]) => payload.toString());

describe("rows of arrivals, and what is delivered after each", () => {
  test.each<[string, [string, string[]][]]>([
    ["one chunk", [["5 FL 0 a", ["a"]]]],
    [
      "fragments in order",
      [
        ["5 F 0 a", []],
        ["6 - 0 b", []],
        ["7 L 0 c", ["abc"]],
      ],
    ],
    [
      "fragments in any order",
      [
        ["7 L 0 c", []],
        ["5 F 0 a", []],
        ["6 - 0 b", ["abc"]],
      ],
    ],
    [
      "a later message waits",
      [
        ["9 FL 1 b", []],
        ["5 FL 0 a", ["a", "b"]],
      ],
    ],
    [
      "other streams' chunks between",
      [
        ["9 FL 1 b", []],
        ["12 FL 2 c", []],
        ["5 FL 0 a", ["a", "b", "c"]],
      ],
    ],
    [
      "an unordered message waits for none",
      [
        ["9 FL 1 b", []],
        ["11 FLU 0 x", ["x"]],
      ],
    ],
    [
      "an unordered one before an incomplete one",
      [
        ["5 F 0 a", []],
        ["8 FLU 0 x", ["x"]],
        ["6 L 0 b", ["ab"]],
      ],
    ],
    [
      "a hole in the fragments",
      [
        ["5 FU 0 a", []],
        ["7 LU 0 c", []],
        ["6 U 0 b", ["abc"]],
      ],
    ],
    [
      "a last fragment whose first is missing",
      [
        ["6 L 0 b", []],
        ["7 FLU 0 x", ["x"]],
      ],
    ],
    [
      "a first fragment in place of a last",
      [
        ["5 F 0 a", []],
        ["6 FL 0 b", ["b"]],
      ],
    ],
    [
      "TSNs that wrap",
      [
        ["4294967295 F 0 a", []],
        ["0 L 0 b", ["ab"]],
      ],
    ],
  ])("%s", (_what, rows) => {
    const stream = new IncomingStream();
    for (const [chunk, delivered] of rows) {
      add(stream, chunk);
      expect(popped(stream), chunk).toEqual(delivered);
    }
  });

  test("sequence numbers wrap", () => {
    const stream = new IncomingStream();
    for (let i = 0; i < 65_537; i++) {
      add(stream, `${i} FL ${i & 0xffff} x`);
      expect(popped(stream)).toEqual(["x"]);
    }
  });
});

describe("what the peer gives up", () => {
  test("lets the messages behind it go", () => {
    const stream = new IncomingStream();
    add(stream, "6 L 0 b");
    add(stream, "7 FL 1 c");
    expect(popped(stream)).toEqual([]);
    expect(stream.skip(6, 0)).toBe(1);
    expect(popped(stream)).toEqual(["c"]);
    expect(stream.heldChunks).toBe(0);
  });

  test("takes no fragment of a message that goes on", () => {
    const stream = new IncomingStream();
    add(stream, "7 F 0 a");
    expect(stream.skip(6, undefined)).toBe(0);
    add(stream, "8 L 0 b");
    expect(popped(stream)).toEqual(["ab"]);
  });

  test("takes no message that only waits for its turn", () => {
    const stream = new IncomingStream();
    add(stream, "7 FL 2 c");
    expect(stream.skip(7, 0)).toBe(0);
    add(stream, "8 FL 1 b");
    expect(popped(stream)).toEqual(["b", "c"]);
  });

  test("includes unordered fragments up to there", () => {
    const stream = new IncomingStream();
    add(stream, "5 FU 0 a");
    add(stream, "9 FU 0 b");
    expect(stream.skip(6, undefined)).toBe(1);
    expect(stream.heldChunks).toBe(1);
  });

  test("is told of again without harm", () => {
    const stream = new IncomingStream();
    stream.skip(6, 3);
    stream.skip(6, 1);
    add(stream, "7 FL 4 e");
    expect(popped(stream)).toEqual(["e"]);
  });
});

test("messages come out whole, once and in order, in whatever order their chunks come", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(lengths, fc.infiniteStream(fc.nat()), (messages, luck) => {
      const chunks: string[] = [];
      messages.forEach((fragments, sequence) => {
        for (let i = 0; i < fragments; i++) {
          const flags = `${i === 0 ? "F" : ""}${i === fragments - 1 ? "L" : ""}-`;
          chunks.push(`${chunks.length} ${flags} ${sequence} ${sequence}`);
        }
      });
      const stream = new IncomingStream();
      const delivered: string[] = [];
      while (chunks.length > 0) {
        const [next] = chunks.splice(luck.next().value! % chunks.length, 1);
        add(stream, next!);
        delivered.push(...popped(stream));
      }
      expect(delivered).toEqual(messages.map((fragments, sequence) => String(sequence).repeat(fragments)));
      expect(stream.heldChunks).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});
