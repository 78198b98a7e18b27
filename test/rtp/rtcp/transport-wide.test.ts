import fc from "fast-check";
import { expect, test } from "vitest";
import { RtcpCursor } from "../../../src/rtp/rtcp/rtcp-cursor.ts";
import { DELTA_US, readTransportWide, writeTransportWide } from "../../../src/rtp/rtcp/transport-wide.ts";
import { hex, toHex } from "../hex.ts";

/** "seq: arrival" of each packet that a message reports on, or null when it is refused. */
function reported(bytes: Uint8Array): string[] | null {
  const cursor = new RtcpCursor();
  cursor.reset(bytes, bytes.length);
  expect(cursor.next()).toBe(true);
  const found: string[] = [];
  const whole = readTransportWide(bytes, cursor, (seq, arrivalUs) =>
    found.push(`${seq}: ${arrivalUs === -1 ? "lost" : arrivalUs}`),
  );
  if (!whole) expect(found).toEqual([]);
  return whole ? found : null;
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
    fc.property(fc.nat(0xffff), fc.array(step, { minLength: 1, maxLength: 300 }), (baseSeq, steps) => {
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
    }),
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

test("arbitrary bytes are read within bounds, or refused without a call", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 80 }), (rest) => {
      const words = Math.floor(rest.length / 4);
      const bytes = Uint8Array.of(0x8f, 205, 0, words + 2, ...new Uint8Array(8), ...rest);
      reported(bytes.subarray(0, (words + 3) * 4));
    }),
  );
});
