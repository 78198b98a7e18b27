/**
 * Goal: bandwidth goes where people look, in situations that one can picture.
 * Method: a table of receivers; what each gets is read as "spatial.temporal", or "off".
 */
import { describe, expect, test } from "vitest";
import {
  type AllocationResult,
  allocate,
  type Demand,
  explain,
  type LayerChoice,
  NO_CHOICE,
} from "../../src/sfu/allocator.ts";

/** "spatial.temporal kbit/s" */
const choices = (...texts: string[]): LayerChoice[] =>
  texts.map((text) => {
    const [spatial, temporal, kbps] = text.split(/[. ]/).map(Number) as [number, number, number];
    return { spatial, temporal, bitrateBps: kbps * 1000 };
  });

/** VP8 in three encodings, as the camera ladder has them. */
const CAMERA = choices("0.0 60", "0.1 90", "0.2 130", "1.1 320", "1.2 450", "2.1 1200", "2.2 1700");
/** VP9 L3T3_KEY: a layer does not need all of those below. */
const SVC = choices("0.0 50", "0.1 80", "0.2 120", "1.1 260", "1.2 400", "2.1 900", "2.2 1400");
const SCREEN = choices("0.0 200", "1.0 700", "2.0 1500", "2.1 2500");

interface NamedDemand extends Demand {
  readonly name: string;
}

function demand(name: string, change: Partial<Demand> = {}): NamedDemand {
  const all = change.choices ?? CAMERA;
  return {
    name,
    kind: "video",
    tier: "other",
    speakerRank: 1000,
    visiblePixels: 0,
    choices: all,
    absence: "no_media",
    most: all.length - 1,
    current: NO_CHOICE,
    ceiling: Number.POSITIVE_INFINITY,
    ...change,
  };
}

const audio = (name: string, kbps = 40): NamedDemand =>
  demand(name, { kind: "audio", choices: choices(`0.0 ${kbps}`) });

const cameras = (count: number, change: Partial<Demand> = {}): Demand[] =>
  Array.from({ length: count }, (_, index) => demand(`cam${index}`, change));

const deal = (kbps: number, demands: readonly Demand[], lastN?: number): AllocationResult =>
  allocate({ growBps: kbps * 1000, keepBps: kbps * 1000 }, demands, lastN);

/** What each video got, in order, neighbours that got the same together: "13x0.0 17xoff". */
function gets(demands: readonly Demand[], { allocations }: AllocationResult): string {
  const layers = demands.flatMap(({ kind, choices: all }, index) => {
    if (kind !== "video") return [];
    const { choice } = allocations[index]!;
    return choice === NO_CHOICE ? "off" : `${all[choice]!.spatial}.${all[choice]!.temporal}`;
  });
  const runs: { layers: string; count: number }[] = [];
  for (const one of layers) {
    if (runs.at(-1)?.layers === one) runs.at(-1)!.count += 1;
    else runs.push({ layers: one, count: 1 });
  }
  return runs.map((run) => (run.count === 1 ? run.layers : `${run.count}x${run.layers}`)).join(" ");
}

interface Scenario {
  readonly name: string;
  readonly demands: readonly Demand[];
  readonly lastN?: number;
  /** By kbit/s, in the order of the demands. */
  readonly at: readonly (readonly [kbps: number, gets: string])[];
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "thirty publishers and one viewer",
    demands: cameras(30),
    at: [
      [2_000, "6x0.1 24x0.0"],
      [1_000, "0.1 15x0.0 14xoff"],
      [4_000, "30x0.2"],
      [10_000, "3x1.2 27x1.1"],
    ],
  },
  {
    name: "thirty publishers, nine in view, all heard",
    demands: [
      ...Array.from({ length: 30 }, (_, index) => audio(`mic${index}`, 15)),
      ...Array.from({ length: 9 }, (_, index) =>
        demand(`cam${index}`, { most: 4, visiblePixels: 320 * 180 }),
      ),
      ...cameras(21, { most: NO_CHOICE }),
    ],
    at: [
      [2_000, "2x1.1 7x0.2 21xoff"],
      [1_000, "9x0.0 21xoff"],
      [5_000, "9x1.2 21xoff"],
    ],
  },
  {
    name: "a screen share and six cameras",
    demands: [...cameras(6), demand("share", { tier: "screen", choices: SCREEN })],
    at: [
      [500, "5x0.0 off 0.0"],
      [1_500, "6x0.2 1.0"],
      [3_000, "4x0.1 2x0.0 2.1"],
      [4_500, "6x1.1 2.1"],
    ],
  },
  {
    name: "a share that no layer fits leaves the cameras what there is",
    demands: [demand("share", { tier: "screen", choices: choices("0.0 1500") }), ...cameras(3)],
    at: [
      [600, "off 1.1 2x0.2"],
      [1_600, "0.0 0.1 2xoff"],
    ],
  },
  {
    name: "the one who speaks is seen better than those who do not",
    demands: [...cameras(3), demand("ada", { tier: "speaker", speakerRank: 0 })],
    at: [
      [300, "0.1 2x0.0 0.1"],
      [700, "2x0.1 0.0 1.2"],
      [2_500, "2x1.1 0.2 2.2"],
    ],
  },
  {
    name: "a pinned tile comes before a share, a share before a speaker",
    demands: [
      demand("ada", { tier: "speaker" }),
      demand("share", { tier: "screen", choices: SCREEN }),
      demand("bo", { tier: "pinned" }),
    ],
    at: [
      [60, "2xoff 0.0"],
      [260, "off 2x0.0"],
      [2_100, "0.2 0.0 2.2"],
      [4_260, "0.0 2.1 2.2"],
    ],
  },
  {
    name: "a large tile comes before small ones of its tier, and goes on where they have enough",
    demands: [
      demand("small", { visiblePixels: 160 * 90, most: 2 }),
      demand("large", { visiblePixels: 1280 * 720 }),
      demand("small too", { visiblePixels: 161 * 91, most: 2 }),
    ],
    at: [
      [60, "off 0.0 off"],
      [120, "2x0.0 off"],
      [210, "0.0 0.1 0.0"],
      [2_000, "0.2 2.2 0.2"],
    ],
  },
  {
    name: "SVC: one stream of three spatial layers",
    demands: [demand("ada", { choices: SVC })],
    at: [
      [40, "off"],
      [100, "0.1"],
      [300, "1.1"],
      [1_000, "2.1"],
      [1_400, "2.2"],
    ],
  },
  {
    name: "a better layer that costs no more is taken on the way",
    demands: [demand("ada", { choices: choices("0.0 300", "1.0 250", "2.0 900") })],
    at: [
      [299, "off"],
      [300, "1.0"],
      [900, "2.0"],
    ],
  },
  {
    name: "a budget of zero",
    demands: [audio("mic"), ...cameras(3)],
    at: [
      [0, "3xoff"],
      [-5, "3xoff"],
    ],
  },
  {
    name: "a huge budget",
    demands: [audio("mic"), ...cameras(3), demand("share", { tier: "screen", choices: SCREEN, most: 1 })],
    at: [[1_000_000, "3x2.2 1.0"]],
  },
  {
    name: "the last two speakers, a share counting as one of them",
    demands: [
      demand("ada", { speakerRank: 2 }),
      demand("bo", { speakerRank: 0, tier: "speaker" }),
      demand("share", { tier: "screen", choices: SCREEN }),
      demand("cy", { speakerRank: 1 }),
    ],
    lastN: 2,
    at: [
      [10_000, "off 2.2 2.1 off"],
      [250, "2xoff 0.0 off"],
    ],
  },
  { name: "the last none", demands: [audio("mic"), ...cameras(2)], lastN: 0, at: [[10_000, "2xoff"]] },
];

describe.each(SCENARIOS)("$name", ({ demands, lastN, at }) => {
  test.each(at)("%i kbit/s", (kbps, expected) => {
    expect(gets(demands, deal(kbps, demands, lastN))).toBe(expected);
  });
});

test("what is sent may stay up to the larger budget, what is new has to fit the smaller", () => {
  const budget = { growBps: 400_000, keepBps: 500_000 };
  const fresh = [demand("ada"), demand("bo")];
  expect(gets(fresh, allocate(budget, fresh))).toBe("2x0.2");
  const held = [demand("ada", { current: 3 }), demand("bo", { current: 2 })];
  expect(gets(held, allocate(budget, held))).toBe("1.1 0.2");
  const joined = [...held, demand("cy")];
  expect(gets(joined, allocate(budget, joined))).toBe("3x0.2");
});

test("a better layer that costs no more is taken even where nothing new fits", () => {
  const held = [demand("ada", { choices: choices("0.0 300", "1.0 280", "2.0 290"), current: 0 })];
  expect(gets(held, allocate({ growBps: 200_000, keepBps: 300_000 }, held))).toBe("1.0");
});

test("totals: what it costs, what the next step and everything would", () => {
  const demands = [audio("mic"), demand("ada"), demand("bo", { most: 2 }), demand("cy", { most: NO_CHOICE })];
  const all = { totalBps: 40_000 + 1_700_000 + 130_000 };
  expect(deal(5_000, demands)).toMatchObject({ ...all, nextBps: all.totalBps, mostBps: all.totalBps });
  expect(deal(500, demands)).toMatchObject({
    totalBps: 490_000,
    nextBps: 620_000,
    mostBps: all.totalBps,
  });
  expect(deal(0, demands)).toMatchObject({ totalBps: 40_000, nextBps: 100_000, mostBps: all.totalBps });
});

test("what is held back for a while counts among what could be used, so that the path is looked at", () => {
  const demands = [audio("mic"), demand("ada", { current: 3, ceiling: 3 })];
  const result = deal(700, demands);
  expect(result.allocations[1]).toMatchObject({ choice: 3, reason: { kind: "held" } });
  const [held, next, most] = [3, 4, 6].map((at) => 40_000 + demands[1]!.choices[at]!.bitrateBps);
  expect(result).toMatchObject({ totalBps: held, nextBps: next, mostBps: most });
});

/** Else a path that falls for a moment would take the picture's sharpness away for half a minute. */
test("what is held back is given where all would still fit about half of what there is", () => {
  const kbps = choices("0.0 100", "0.1 200", "1.1 600", "2.1 1700");
  const held = [audio("mic"), demand("ada", { choices: kbps, current: 1, ceiling: 1 }), demand("bo")];
  const chosenWith = (budgetKbps: number): number =>
    deal(budgetKbps, held.slice(0, 2)).allocations[1]!.choice;
  expect([1_000, 1_150, 1_200, 3_000, 3_200].map(chosenWith)).toEqual([1, 1, 2, 2, 3]);
  // What others get of it is not there for it.
  expect(deal(1_200, held).allocations[1]!.reason.kind).toBe("held");
});

test("each outcome has a sentence", () => {
  const demands = [
    audio("mic"),
    demand("ada", { tier: "speaker", speakerRank: 0 }),
    demand("bo", { speakerRank: 1, choices: choices("0.0 220") }),
    demand("cy", { speakerRank: 2 }),
    demand("dee", { most: NO_CHOICE }),
    demand("eve", { choices: [] }),
    demand("fay", { choices: [], absence: "muted" }),
  ];
  const { allocations } = deal(280, demands, 2);
  expect(allocations.map((one, index) => `${demands[index]!.name} ${explain(one)}`)).toEqual([
    "mic sent as wanted",
    "ada limited: 110 kbit/s left, next layer needs 190 more",
    "bo paused: 180 kbit/s left, lowest layer needs 220",
    "cy paused: not among the last 2 speakers",
    "dee paused: not wanted by the receiver",
    "eve nothing to send: the publisher sends no media",
    "fay nothing to send: the track is muted",
  ]);
});
