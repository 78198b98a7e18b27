/**
 * Goal: whatever comes, nobody gets more than there is, nobody is passed over for somebody who matters less, and nothing
 * changes without a reason.
 * Method: random receivers, from a seed and a size that fast-check shrinks; what is checked is recomputed here from the
 * outcome alone.
 */
import fc from "fast-check";
import { test } from "vitest";
import {
  type AllocationResult,
  allocate,
  type Budget,
  type Demand,
  type LayerChoice,
  NO_CHOICE,
  TIERS,
} from "../../src/sfu/allocator.ts";
import { seededRandom } from "../sim/seeded-random.ts";

const RUNS = 100_000;

interface Situation {
  readonly demands: readonly Demand[];
  readonly budget: Budget;
}

/** `chance` gives numbers in [0, 1). */
function situation(chance: () => number, count: number): Situation {
  const below = (limit: number): number => Math.floor(chance() * limit);
  const demands = Array.from({ length: count }, (): Demand => {
    const kind = chance() < 0.2 ? "audio" : "video";
    const choices = chance() < 0.05 ? [] : ladder(chance, kind === "audio" ? 1 : 1 + below(9));
    const most = chance() < 0.1 ? NO_CHOICE : below(choices.length + 1) - (choices.length === 0 ? 1 : 0);
    return {
      kind,
      tier: TIERS[below(4)]!,
      speakerRank: below(4),
      visiblePixels: below(3) * below(100_000),
      choices,
      absence: "no_media",
      most: Math.min(most, choices.length - 1),
      current: below(choices.length + 1) - 1,
      ceiling: Number.POSITIVE_INFINITY,
    };
  });
  const keepBps = below(4_000_000) - 100_000;
  return { demands, budget: { keepBps, growBps: Math.floor(keepBps * (0.5 + chance() / 2)) } };
}

/** Rising layers, not all of them there; each costs more than the one before, by more than rates wobble below. */
function ladder(chance: () => number, count: number): LayerChoice[] {
  let bitrateBps = 20_000 + Math.floor(chance() * 300_000);
  let layer = Math.floor(chance() * 12);
  return Array.from({ length: count }, () => {
    const choice = { spatial: Math.floor(layer / 8), temporal: layer % 8, bitrateBps };
    bitrateBps = Math.floor(bitrateBps * (1.1 + chance()));
    layer += 1 + Math.floor(chance() * 3);
    return choice;
  });
}

/** Runs `check` over random situations of up to `most` demands. */
function forAll(runs: number, most: number, check: (one: Situation, chance: () => number) => void): void {
  const size = fc.nat({ max: most });
  fc.assert(
    fc.property(fc.nat(), size, (seed, count) => {
      const chance = seededRandom(seed);
      check(situation(chance, count), chance);
    }),
    { numRuns: runs },
  );
}

const chosen = ({ allocations }: AllocationResult): number[] => allocations.map(({ choice }) => choice);

/** The cost of the first `choice` + 1 choices, 0 for none. */
const rate = ({ choices }: Demand, choice: number): number => choices[choice]?.bitrateBps ?? 0;

const sum = (demands: readonly Demand[], choices: readonly number[]): number =>
  demands.reduce((total, demand, index) => total + rate(demand, choices[index]!), 0);

const audioBps = (demands: readonly Demand[]): number =>
  demands.reduce((total, demand) => total + (demand.kind === "audio" ? rate(demand, demand.most) : 0), 0);

/** As if it were being sent. */
const holding = (demands: readonly Demand[], choices: readonly number[]): Demand[] =>
  demands.map((demand, index) => ({ ...demand, current: choices[index]! }));

/** Indexes of the videos with something to choose, first served first. */
function ranked(demands: readonly Demand[]): number[] {
  const size = ({ visiblePixels }: Demand): number =>
    visiblePixels === 0 ? -1 : Math.floor(Math.log2(visiblePixels));
  return demands
    .map((demand, index) => ({ demand, index }))
    .filter(({ demand }) => demand.kind === "video" && demand.choices.length > 0 && demand.most >= 0)
    .sort(
      (a, b) =>
        TIERS.indexOf(a.demand.tier) - TIERS.indexOf(b.demand.tier) ||
        size(b.demand) - size(a.demand) ||
        a.demand.speakerRank - b.demand.speakerRank ||
        a.index - b.index,
    )
    .map(({ index }) => index);
}

/** Every step that can be taken, in the order of its worth. */
function stepsByWorth(demands: readonly Demand[]): { index: number; choice: number }[] {
  const order = ranked(demands);
  const raises = order.flatMap((index, place) =>
    Array.from({ length: demands[index]!.most }, (_, above) => {
      const { tier, choices } = demands[index]!;
      const { spatial, temporal } = choices[above + 1]!;
      return { index, choice: above + 1, key: [TIERS.indexOf(tier), spatial * 8 + temporal, place] };
    }),
  );
  raises.sort((a, b) => a.key[0]! - b.key[0]! || a.key[1]! - b.key[1]! || a.key[2]! - b.key[2]!);
  return [...order.map((index) => ({ index, choice: 0 })), ...raises];
}

test("nobody gets more than they want or than there is, and the totals are true", () => {
  forAll(RUNS, 8, ({ demands, budget }) => {
    const result = allocate(budget, demands);
    const choices = chosen(result);
    demands.forEach((demand, index) => {
      const isPossible = demand.most >= 0 && demand.choices.length > 0;
      const { kind } = result.allocations[index]!.reason;
      if (choices[index]! > demand.most) fail("more than wanted", index);
      if (demand.kind === "audio" && isPossible && choices[index] !== demand.most) fail("unheard", index);
      if ((kind === "complete") !== (isPossible && choices[index] === demand.most)) fail(kind, index);
    });
    const most = demands.map((demand) => demand.most);
    if (result.totalBps !== sum(demands, choices)) fail("total", result.totalBps);
    if (result.mostBps !== sum(demands, most)) fail("most", result.mostBps);
    const nothing = holding(demands, Array(demands.length).fill(NO_CHOICE));
    if (result.totalBps > Math.max(audioBps(demands), budget.keepBps)) fail("over what may stay", 0);
    if (allocate(budget, nothing).totalBps > Math.max(audioBps(demands), budget.growBps)) fail("over", 0);
  });
});

/** Hence no lower tier has anything while a higher one that could have it has not. */
test("each step is taken if and only if it fits into what steps of more worth have left", () => {
  forAll(RUNS, 8, ({ demands, budget }) => {
    const choices = chosen(allocate(budget, demands));
    const refused = new Set<number>();
    let spentBps = audioBps(demands);
    for (const { index, choice } of stepsByWorth(demands)) {
      if (refused.has(index)) continue;
      const demand = demands[index]!;
      const costBps = rate(demand, choice) - rate(demand, choice - 1);
      const fits = spentBps + costBps <= (choice <= demand.current ? budget.keepBps : budget.growBps);
      if (fits !== choices[index]! >= choice) fail(fits ? "fits" : "does not fit", index);
      if (fits) spentBps += costBps;
      else refused.add(index);
    }
  });
});

test("what came out stays when it is what is sent", () => {
  forAll(RUNS, 8, ({ demands, budget }) => {
    const choices = chosen(allocate(budget, demands));
    const again = chosen(allocate(budget, holding(demands, choices)));
    if (again.join() !== choices.join()) fail(`${choices} then ${again}`, 0);
  });
});

test("with more bandwidth the first step that changes is one up, and only a higher rank takes a picture away", () => {
  forAll(RUNS, 8, ({ demands, budget }, chance) => {
    const more = Math.floor(chance() * 1_000_000);
    const larger = { growBps: budget.growBps + more, keepBps: budget.keepBps + more };
    const [before, after] = [chosen(allocate(budget, demands)), chosen(allocate(larger, demands))];
    const first = stepsByWorth(demands).find(
      ({ index, choice }) => before[index]! >= choice !== after[index]! >= choice,
    );
    if (first !== undefined && after[first.index]! < first.choice) fail("worse", first.index);
    let isHigherNew = false;
    for (const index of ranked(demands)) {
      isHigherNew ||= before[index] === NO_CHOICE && after[index] !== NO_CHOICE;
      if (before[index] !== NO_CHOICE && after[index] === NO_CHOICE && !isHigherNew) fail("paused", index);
    }
  });
});

test("where lowest layers cost alike and nothing is held on to, more bandwidth pauses nobody", () => {
  forAll(RUNS / 10, 12, ({ demands, budget: { keepBps } }, chance) => {
    const alike = demands.map((demand) => {
      const choices = demand.choices.map((choice, at) => {
        return { ...choice, bitrateBps: at === 0 ? 100_000 : choice.bitrateBps + 400_000 };
      });
      return { ...demand, choices };
    });
    const one = { growBps: keepBps, keepBps };
    const moreBps = keepBps + Math.floor(chance() * 1_000_000);
    const larger = { growBps: moreBps, keepBps: moreBps };
    const [before, after] = [chosen(allocate(one, alike)), chosen(allocate(larger, alike))];
    before.forEach((choice, index) => {
      if (choice !== NO_CHOICE && after[index] === NO_CHOICE) fail("paused", index);
    });
  });
});

test("a budget of `nextBps` takes one step more, and no other back that is worth more", () => {
  forAll(RUNS / 10, 12, ({ demands, budget }) => {
    const result = allocate(budget, demands);
    const { allocations, nextBps, totalBps } = result;
    const refused = allocations.flatMap(({ reason }) =>
      reason.kind === "bandwidth" ? reason.neededBps : [],
    );
    if (nextBps !== totalBps + (refused.length === 0 ? 0 : Math.min(...refused))) fail("next", nextBps);
    if (refused.length === 0) return;
    const larger = { growBps: nextBps, keepBps: Math.max(nextBps, budget.keepBps) };
    const [before, after] = [chosen(result), chosen(allocate(larger, demands))];
    const first = stepsByWorth(demands).find(
      ({ index, choice }) => before[index]! >= choice !== after[index]! >= choice,
    );
    if (first === undefined || after[first.index]! < first.choice) fail("no better", nextBps);
  });
});

/** Layers wobble on their own, by up to 3 %, between two states; the budgets are 10 % apart. */
test("rates that wobble by less than the gap between the budgets come to rest", () => {
  forAll(RUNS / 20, 12, ({ demands, budget: { keepBps } }, chance) => {
    const budget = { keepBps, growBps: keepBps * 0.9 };
    const wobbling = [0, 1].map(() =>
      demands.map((demand) => ({
        ...demand,
        choices: demand.choices.map((choice) => {
          return { ...choice, bitrateBps: Math.round(choice.bitrateBps * (0.97 + 0.06 * chance())) };
        }),
      })),
    );
    let current = demands.map((demand) => demand.current);
    const history = Array.from({ length: 24 }, (_, turn) => {
      current = chosen(allocate(budget, holding(wobbling[turn % 2]!, current)));
      return current.join();
    });
    if (new Set(history.slice(-4)).size > 1) fail(`flaps: ${history.slice(-4).join(" | ")}`, 0);
  });
});

test("video of the last N only: pinned and shares first, then by who spoke last", () => {
  forAll(RUNS / 10, 12, ({ demands }, chance) => {
    const lastN = Math.floor(chance() * 6);
    const { allocations } = allocate({ growBps: 1e9, keepBps: 1e9 }, demands, lastN);
    const classOf = ({ tier }: Demand): number => Math.min(2, TIERS.indexOf(tier));
    const expected = ranked(demands)
      .toSorted((a, b) => {
        const [one, other] = [demands[a]!, demands[b]!];
        return classOf(one) - classOf(other) || one.speakerRank - other.speakerRank || a - b;
      })
      .slice(0, lastN);
    for (const index of ranked(demands)) {
      const isOut = allocations[index]!.reason.kind === "last_n";
      if (isOut === expected.includes(index)) fail(`last ${lastN}`, index);
      if (isOut && allocations[index]!.choice !== NO_CHOICE) fail("sent", index);
    }
  });
});

function fail(what: string, at: number): never {
  throw new Error(`${what} (${at})`);
}
