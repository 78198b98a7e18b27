import fc from "fast-check";
import { expect, test } from "vitest";
import { RtcpCursor } from "../../../src/rtp/rtcp/rtcp-cursor.ts";
import { DELTA_US, TransportWideReader, writeTransportWide } from "../../../src/rtp/rtcp/transport-wide.ts";
import { hex, toHex } from "../hex.ts";

/** "seq: arrival" of each packet that a message reports on, or null when it is refused. */
function reported(bytes: Uint8Array): string[] | null {
  const cursor = new RtcpCursor();
  cursor.reset(bytes, bytes.length);
  expect(cursor.next()).toBe(true);
  const reader = new TransportWideReader();
  if (!reader.open(bytes, cursor)) {
    expect(reader.next()).toBe(false);
    return null;
  }
  const found: string[] = [];
  const tellLost = (): void => {
    for (let back = reader.lost; back > 0; back--) found.push(`${(reader.seq - back) & 0xffff}: lost`);
  };
  while (reader.next()) {
    tellLost();
    found.push(`${reader.seq}: ${reader.arrivalUs}`);
  }
  tellLost();
  return found;
}

/** Feedback on packets from `baseSeq` that came at `arrivalsUs`, -1 for one that did not. */
function write(baseSeq: number, arrivalsUs: readonly number[]): { bytes: Uint8Array; count: number } {
  const out = new Uint8Array(2000).fill(0xee);
  const ends = { end: 0 };
  const report = {
    baseSeq,
    count: arrivalsUs.length,
    feedbackCount: 7,
    arrivalUs: (i: number): number => arrivalsUs[i]!,
  };
  const count = writeTransportWide(out, 4, 1, 2, report, ends);
  expect((ends.end - 4) % 4).toBe(0);
  expect(out.subarray(ends.end).every((byte) => byte === 0xee)).toBe(true);
  return { bytes: out.slice(4, ends.end), count };
}

test.each([
  {
    name: "a run of one, padded to a word",
    text: "afcd0005 fa17fa17 43032fa0 0099 0001 3de802 17 2001 94 01",
    found: [`153: ${0x3de802 * 64_000 + 0x94 * DELTA_US}`],
  },
  {
    name: "a vector of one-bit symbols, longer than the count",
    text: "8fcd0005 00000001 00000002 fffe 0003 000001 00 a800 04 08",
    found: ["65534: 65000", "65535: lost", "0: 67000"],
  },
  {
    name: "a vector of two-bit symbols with deltas up and down",
    text: "8fcd0006 00000001 00000002 0001 0004 000000 00 d880 04 0100 fffc 000000",
    found: ["1: 1000", "2: 65000", "3: lost", "4: 64000"],
  },
  {
    name: "a run of losses",
    text: "8fcd0006 00000001 00000002 0000 0014 000000 00 0013 2001 04 000000",
    found: [...[...Array(19).keys()].map((seq) => `${seq}: lost`), "19: 1000"],
  },
  {
    name: "a run of no symbols, and one that goes on beyond the count",
    text: "8fcd0006 00000001 00000002 0007 0003 000000 00 2000 0001 3fff 0404 0000",
    found: ["7: lost", "8: 1000", "9: 2000"],
  },
])("reads $name", ({ text, found }) => {
  expect(reported(hex(text))).toEqual(found);
});

test.each([
  {
    name: "chunks for a part of its packets",
    text: "8fcd0005 00000001 00000002 0000 0064 000000 00 2007 0000",
  },
  { name: "a delta that is not there", text: "8fcd0005 00000001 00000002 0000 0003 000000 00 2003 0404" },
  { name: "the reserved symbol", text: "8fcd0006 00000001 00000002 0000 0001 000000 00 6001 040404040404" },
  {
    name: "the reserved symbol in a vector",
    text: "8fcd0006 00000001 00000002 0000 0001 000000 00 f000 040404040404",
  },
  { name: "no room for its fields", text: "8fcd0003 00000001 00000002 00000001" },
])("refuses a message with $name", ({ text }) => {
  expect(reported(hex(text))).toBeNull();
});

test.each([
  { name: "one packet", arrivals: [64_000], expected: "0005 0001 000001 07 2001 00 00" },
  {
    name: "one-bit symbols before a run",
    arrivals: [64_000, -1, 64_250, 64_500],
    expected: "0005 0004 000001 07 ac00 00 01 01 000000",
  },
  {
    name: "two-bit symbols where a delta is large",
    arrivals: [64_000, -1, 192_000, 191_750],
    expected: "0005 0004 000001 07 d280 00 0200 ffff 00",
  },
  {
    name: "runs where symbols are alike",
    arrivals: [...Array<number>(20).fill(64_000), ...Array<number>(20).fill(-1), 64_250],
    expected: `0005 0029 000001 07 2014 0014 2001 ${"00".repeat(20)} 01 00`,
  },
])("writes $name", ({ arrivals, expected }) => {
  const { bytes } = write(5, arrivals);
  expect(toHex(bytes.subarray(12))).toBe(toHex(hex(expected)));
});

test("what deltas can express is read again as it came, to 250 µs", () => {
  const step = fc.oneof(
    fc.constant(-1),
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: -8_000_000, max: 8_000_000 }),
  );
  fc.assert(
    fc.property(
      fc.nat(0xffff),
      fc.array(step, { minLength: 1, maxLength: 300, size: "max" }),
      (baseSeq, steps) => {
        let nowUs = 3_600_000_000;
        const arrivals = steps.map((stepUs) => {
          if (stepUs === -1) return -1;
          nowUs += stepUs;
          return nowUs;
        });
        const { bytes, count } = write(baseSeq, arrivals);
        expect(count).toBe(arrivals.length);
        const found = reported(bytes)!;
        expect(found).toHaveLength(arrivals.length);
        found.forEach((text, i) => {
          const [seq, arrival] = text.split(": ");
          expect(seq).toBe(String((baseSeq + i) & 0xffff));
          if (arrivals[i] === -1) expect(arrival).toBe("lost");
          else expect(Math.abs(Number(arrival) - arrivals[i]!)).toBeLessThanOrEqual(DELTA_US / 2);
        });
      },
    ),
  );
});

test("stops before a delta that two bytes cannot hold", () => {
  const { bytes, count } = write(0, [1_000, 2_000, -1, 9_000_000]);
  expect(count).toBe(3);
  expect(reported(bytes)).toEqual(["0: 1000", "1: 2000", "2: lost"]);
});

test("stops when a datagram is full, in the worst case too", () => {
  // Every other packet lost, every delta of two bytes: a two-bit symbol and often a delta for each.
  const arrivals = Array.from({ length: 1024 }, (_, i) => (i % 2 === 0 ? i * 100_000 : -1));
  const { bytes, count } = write(0, arrivals);
  expect(count).toBe(960);
  expect(bytes.length).toBeLessThanOrEqual(1_280);
  expect(reported(bytes)).toHaveLength(960);
});

test("many losses cost one step, however many a short message claims", () => {
  const runs = "1fff".repeat(9);
  const bytes = hex(`8fcd0009 00000001 00000002 0000 ffff 000000 00 ${runs} 0000`);
  const cursor = new RtcpCursor();
  cursor.reset(bytes, bytes.length);
  cursor.next();
  const reader = new TransportWideReader();
  expect(reader.open(bytes, cursor)).toBe(true);
  expect(reader.next()).toBe(false);
  expect([reader.seq, reader.lost]).toEqual([0xffff, 0xffff]);
});

test("whatever the chunks say is read as the draft has it", () => {
  const chunk = fc.oneof(
    fc.record({ symbol: fc.integer({ min: 0, max: 2 }), run: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ bits: fc.nat(0x3fff) }),
    fc.record({ symbols: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 7, maxLength: 7 }) }),
  );
  fc.assert(
    fc.property(
      fc.nat(0xffff),
      fc.array(chunk, { maxLength: 20, size: "max" }),
      fc.nat(13),
      (baseSeq, chunks, unused) => {
        const symbols: number[] = [];
        const words = chunks.map((one) => {
          if ("run" in one) {
            symbols.push(...Array<number>(one.run).fill(one.symbol));
            return (one.symbol << 13) | one.run;
          }
          if ("bits" in one) {
            for (let bit = 13; bit >= 0; bit--) symbols.push((one.bits >> bit) & 1);
            return 0x8000 | one.bits;
          }
          symbols.push(...one.symbols);
          return one.symbols.reduce((word, symbol) => (word << 2) | symbol, 0b11);
        });
        // As many as the last chunk can hold in excess; runs and vectors before it are read whole.
        const count = Math.max(0, symbols.length - ("bits" in (chunks.at(-1) ?? {}) ? unused : 0));
        const deltas = symbols.slice(0, count).flatMap((symbol) => Array<number>(symbol).fill(1));
        const bytes = message(baseSeq, count, words, deltas);
        let ticks = 0;
        const expected = symbols.slice(0, count).map((symbol, i) => {
          ticks += [0, 0x01, 0x0101][symbol]!;
          return `${(baseSeq + i) & 0xffff}: ${symbol === 0 ? "lost" : ticks * DELTA_US}`;
        });
        expect(reported(bytes)).toEqual(expected);
        // Without its last delta or chunk it is none.
        const short = message(baseSeq, count, words, deltas.slice(0, -1), false);
        if (deltas.length > 0) expect(reported(short)).toBeNull();
      },
    ),
  );
});

/** A message with these chunks and delta bytes; `padded` to a word as it must be, or cut down to one. */
function message(
  baseSeq: number,
  count: number,
  chunks: readonly number[],
  deltas: readonly number[],
  padded = true,
): Uint8Array {
  const body = [...chunks.flatMap((word) => [word >> 8, word & 0xff]), ...deltas];
  const words = padded ? Math.ceil(body.length / 4) : Math.floor(body.length / 4);
  const bytes = new Uint8Array(20 + 4 * words);
  bytes.set([0x8f, 205, 0, 4 + words]);
  bytes.set([baseSeq >> 8, baseSeq & 0xff, count >> 8, count & 0xff], 12);
  bytes.set(body.slice(0, 4 * words), 20);
  return bytes;
}

test("arbitrary bytes are read within bounds, or refused without a call", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 80, size: "max" }), (rest) => {
      const words = Math.floor(rest.length / 4);
      const bytes = Uint8Array.of(0x8f, 205, 0, words + 2, ...new Uint8Array(8), ...rest);
      reported(bytes.subarray(0, (words + 3) * 4));
    }),
  );
});
