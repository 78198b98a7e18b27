import fc from "fast-check";
import { expect, test } from "vitest";
import { NOT_NUMBERED, Renumbering } from "../../src/sfu/renumbering.ts";

/** A drop may say which number it leaves open. */
type Row = ["forward", number, number] | ["drop", number, number?] | ["resync", number];

const TABLE: { name: string; rows: Row[] }[] = [
  {
    name: "runs on from the first number",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["forward", 11, 501],
      ["forward", 12, 502],
    ],
  },
  {
    name: "closes the gap of a dropped run",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["drop", 11],
      ["drop", 12],
      ["forward", 13, 501],
    ],
  },
  {
    name: "keeps the gap of a loss, and fills it with the late packet",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["forward", 13, 503],
      ["forward", 12, 502],
      ["forward", 11, 501],
    ],
  },
  {
    name: "places a late packet on its side of a dropped run",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["drop", 12], // 11 is missing and keeps 501
      ["forward", 13, 502],
      ["drop", 14],
      ["forward", 15, 503],
      ["forward", 11, 501],
      ["forward", 12, NOT_NUMBERED],
    ],
  },
  {
    name: "keeps no places for more than can be repaired, whether it goes on with what is sent or with what is not",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["forward", 1035, 1525],
      ["forward", 2061, 1526],
      ["forward", 1034, 1524],
      ["forward", 1036, NOT_NUMBERED],
      ["drop", 30_000],
      ["forward", 30_001, 1527],
      ["forward", 29_999, NOT_NUMBERED],
    ],
  },
  {
    name: "names the number that a late packet leaves open when it is not wanted",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["forward", 13, 503],
      ["drop", 12, 502],
      ["drop", 14],
      ["forward", 16, 505], // 15 is missing and keeps 504
      ["drop", 14, NOT_NUMBERED],
      ["drop", 15, 504],
      ["forward", 17, 506],
    ],
  },
  {
    name: "goes on behind the numbers kept for what is missing when the last packet before a new source was dropped",
    rows: [
      ["resync", 10],
      ["forward", 10, 500],
      ["drop", 13], // 11 and 12 are missing and keep 501 and 502
      ["resync", 9000],
      ["forward", 9000, 503],
    ],
  },
  {
    name: "does not number what came before a new source",
    rows: [
      ["resync", 10],
      ["forward", 11, 501],
      ["resync", 9000],
      ["forward", 8999, NOT_NUMBERED],
      ["forward", 9000, 502],
    ],
  },
];

test.each(TABLE)("$name", ({ rows }) => {
  const numbers = new Renumbering(500);
  for (const [what, input, output] of rows) {
    if (what === "resync") numbers.resync(input);
    else if (what === "drop") expect(numbers.drop(input), `in ${input}`).toBe(output ?? NOT_NUMBERED);
    else expect(numbers.forward(input), `in ${input}`).toBe(output);
  }
});

/** Of a paused layer, say. */
test("a run of dropped packets is remembered as one, however long: what was late before it still has its number", () => {
  const numbers = new Renumbering(500);
  numbers.resync(10);
  numbers.forward(10);
  for (let input = 12; input < 312; input++) numbers.drop(input);
  expect(numbers.forward(312)).toBe(502);
  expect(numbers.forward(311)).toBe(NOT_NUMBERED);
  expect(numbers.forward(11)).toBe(501);
});

test("in order, whatever is dropped, numbers out have no gap", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 500, size: "max" }), (kept) => {
      const numbers = new Renumbering(7);
      numbers.resync(100);
      const out = kept.flatMap((keep, i) => {
        if (keep) return [numbers.forward(100 + i)];
        numbers.drop(100 + i);
        return [];
      });
      expect(out).toEqual(out.map((_, i) => 7 + i));
    }),
  );
});

test("out of order and with losses, no two packets get one number and order is kept", () => {
  const arrivals = fc.array(fc.record({ step: fc.integer({ min: -8, max: 4 }), drop: fc.boolean() }), {
    maxLength: 400,
    size: "max",
  });
  fc.assert(
    fc.property(arrivals, (steps) => {
      const numbers = new Renumbering(0);
      numbers.resync(1000);
      const given = new Map<number, number>();
      let input = 1000;
      for (const { step, drop } of steps) {
        input = Math.max(1000, input + step);
        if (given.has(input)) continue;
        if (drop) numbers.drop(input);
        else {
          const out = numbers.forward(input);
          if (out !== NOT_NUMBERED) given.set(input, out);
        }
      }
      const outs = [...given].sort(([a], [b]) => a - b).map(([, out]) => out);
      for (let i = 1; i < outs.length; i++) expect(outs[i]!).toBeGreaterThan(outs[i - 1]!);
    }),
  );
});
