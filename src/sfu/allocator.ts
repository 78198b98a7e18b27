/**
 * Deals one receiver's bandwidth out to what it is subscribed to: a pure function from a budget and demands to targets.
 *
 *   1. audio            all of it, off the top, whatever the budget
 *   2. lowest choices   of every video, by tier, then by visible size, then by who spoke last
 *   3. raising          tier by tier; within a tier in rounds, from layer to layer, so that nobody has the next layer
 *                       while another could not yet be given this one
 *
 * A step that does not fit is passed over, and what comes after it may still fit: a share too large for the path does not
 * take the cameras away. Earlier steps are worth more than all later ones together; in that order more budget is never
 * worse.
 *
 * Two budgets keep it calm: what is sent already may stay while all fits `keepBps`, and what is new must fit `growBps`.
 * The order of steps comes from what people chose and not from measured rates, so each step is a Schmitt trigger behind
 * those before it: equal input gives the same result again, and rates that wobble by less than the gap settle.
 */
import type { MediaKind } from "../base/codec.ts";

/** One thing that can be sent, at its cumulative rate on the wire. */
export interface LayerChoice {
  readonly spatial: number;
  readonly temporal: number;
  readonly bitrateBps: number;
}

/** From what matters most to what matters least. */
export const TIERS = ["pinned", "screen", "speaker", "other"] as const;
export type Tier = (typeof TIERS)[number];

/** Why there is nothing to choose from. */
export type Absence = "no_media" | "muted";

export interface Demand {
  readonly kind: MediaKind;
  readonly tier: Tier;
  /** Place among those who spoke: 0 spoke last. */
  readonly speakerRank: number;
  /** Area in which the receiver shows it; 0 when not known. Only its order of magnitude counts. */
  readonly visiblePixels: number;
  /** In the order in which this content gets better (`layerLadder`). */
  readonly choices: readonly LayerChoice[];
  /** Why `choices` is empty, where it is. */
  readonly absence: Absence;
  /** Index of the highest choice that is wanted; NO_CHOICE when the receiver wants none. */
  readonly most: number;
  /** Index of what is sent now, or NO_CHOICE. */
  readonly current: number;
  /** Index of the highest choice to try with a tight budget; infinite unless a higher one has just proved too much. */
  readonly ceiling: number;
}

/** `growBps` is at most `keepBps`. The nearer they are, the more often layers change; the farther, the later. */
export interface Budget {
  readonly growBps: number;
  readonly keepBps: number;
}

export type AllocationReason =
  /** Gets all that it wants. */
  | { readonly kind: "complete" }
  /** The next step (the whole lowest choice, or what a higher one costs in addition) was more than what was left. */
  | { readonly kind: "bandwidth"; readonly leftBps: number; readonly neededBps: number }
  /** A higher one has just proved too much, and there is not ample room for it. */
  | { readonly kind: "held" }
  | { readonly kind: "last_n"; readonly lastN: number }
  | { readonly kind: "not_wanted" }
  | { readonly kind: "absent"; readonly absence: Absence };

export interface Allocation {
  /** Index of the choice to send, or NO_CHOICE. */
  readonly choice: number;
  readonly reason: AllocationReason;
}

export interface AllocationResult {
  /** In the order of the demands. */
  readonly allocations: readonly Allocation[];
  /** What all of it costs: more than the budget only where audio alone is. */
  readonly totalBps: number;
  /** The `growBps` at which the next step fits, also one that is held; equal to `totalBps` when there is none. */
  readonly nextBps: number;
  /** What it would cost to have everything that is wanted. */
  readonly mostBps: number;
}

export const NO_CHOICE = -1;

/**
 * Share of `growBps` in which a step above a ceiling must fit together with all before it: about half, so that it stays when
 * the path loses as much. More has layers come and go with each variation of the path, less shows a blurred picture where
 * there is bandwidth for a sharp one.
 */
const AMPLE_SHARE = 0.55;

const COMPLETE: AllocationReason = { kind: "complete" };
const HELD: AllocationReason = { kind: "held" };
const NOT_WANTED: AllocationReason = { kind: "not_wanted" };
const ABSENT: Record<Absence, AllocationReason> = {
  no_media: { kind: "absent", absence: "no_media" },
  muted: { kind: "absent", absence: "muted" },
};

/** Factors of a sort key, whose lowest part is the position among the demands, so that equals keep their order. */
const POSITIONS = 0x1_0000;
const SPEAKERS = 0x1_0000;
const SIZES = 32;

/** A round after all others. */
const NEVER = 0x7fff;

/**
 * Allocates. `lastN`: how many videos may be sent, pinned and shared screens first, then of those who spoke last. Equal
 * arguments give equal outcomes; the time is linear in the number of choices.
 */
export function allocate(
  budget: Budget,
  demands: readonly Demand[],
  lastN = Number.POSITIVE_INFINITY,
): AllocationResult {
  const dealing = new Dealing(budget, demands);
  dealing.takeAudio();
  const ranked = byPriority(demands, lastN);
  dealing.takeLowest(ranked);
  for (let from = 0; from < ranked.length; ) {
    const { tier } = demands[ranked[from]!]!;
    let end = from + 1;
    while (end < ranked.length && demands[ranked[end]!]!.tier === tier) end += 1;
    dealing.raiseInRounds(ranked.slice(from, end));
    from = end;
  }
  return dealing.result(lastN);
}

/** One sentence for people, in API and log. */
export function explain({ choice, reason }: Allocation): string {
  switch (reason.kind) {
    case "complete":
      return "sent as wanted";
    case "bandwidth": {
      const left = `${kbps(reason.leftBps)} kbit/s left`;
      const needed = kbps(reason.neededBps);
      return choice === NO_CHOICE
        ? `paused: ${left}, lowest layer needs ${needed}`
        : `limited: ${left}, next layer needs ${needed} more`;
    }
    case "held":
      return "limited: the next layer was too much a moment ago";
    case "last_n":
      return `paused: not among the last ${reason.lastN} speakers`;
    case "not_wanted":
      return "paused: not wanted by the receiver";
    case "absent":
      return SENTENCES[reason.absence];
    default:
      return reason satisfies never;
  }
}

const SENTENCES: Record<Absence, string> = {
  no_media: "nothing to send: the publisher sends no media",
  muted: "nothing to send: the track is muted",
};

/**
 * One run: what has been given to whom so far. Arrays are by position among the demands, and plain ones: most receivers have
 * few demands, and a typed array costs as much to make as to deal out to those.
 */
class Dealing {
  readonly #chosen: number[];
  /** The round in which the next step up has its turn; NEVER at the top, and after a refusal. */
  readonly #turns: number[];
  readonly #refusals: (AllocationReason | undefined)[];
  #spentBps = 0;
  #cheapestRefusedBps = Number.POSITIVE_INFINITY;
  readonly #growBps: number;
  readonly #keepBps: number;
  readonly #demands: readonly Demand[];

  constructor({ growBps, keepBps }: Budget, demands: readonly Demand[]) {
    this.#growBps = growBps;
    this.#keepBps = Math.max(growBps, keepBps);
    this.#demands = demands;
    this.#chosen = demands.map(() => NO_CHOICE);
    this.#turns = demands.map(() => NEVER);
    this.#refusals = demands.map(() => undefined);
  }

  takeAudio(): void {
    for (let position = 0; position < this.#demands.length; position++) {
      const demand = this.#demands[position]!;
      if (demand.kind !== "audio" || !isWanted(demand)) continue;
      this.#chosen[position] = demand.most;
      this.#spentBps += demand.choices[demand.most]!.bitrateBps;
    }
  }

  takeLowest(positions: readonly number[]): void {
    for (const position of positions) this.#raise(position);
  }

  /** Rounds of one tier: a choice of (spatial, temporal) has its turn after all choices of lower layers. */
  raiseInRounds(positions: readonly number[]): void {
    for (;;) {
      let round = NEVER;
      for (const position of positions) round = Math.min(round, this.#turns[position]!);
      if (round === NEVER) return;
      for (const position of positions) if (this.#turns[position] === round) this.#raise(position);
    }
  }

  result(lastN: number): AllocationResult {
    const outside: AllocationReason = { kind: "last_n", lastN };
    const allocations: Allocation[] = [];
    let mostBps = 0;
    for (let position = 0; position < this.#demands.length; position++) {
      const demand = this.#demands[position]!;
      const choice = this.#chosen[position]!;
      const reason = this.#refusals[position] ?? outcome(demand, choice, outside);
      if (reason.kind === "bandwidth" || reason === HELD || reason === COMPLETE) {
        mostBps += demand.choices[demand.most]!.bitrateBps;
      }
      allocations.push({ choice, reason });
    }
    const totalBps = this.#spentBps;
    const stepBps = this.#cheapestRefusedBps === Number.POSITIVE_INFINITY ? 0 : this.#cheapestRefusedBps;
    return { allocations, totalBps, nextBps: totalBps + stepBps, mostBps };
  }

  /** One step up, if it fits. A demand that was refused gets no further, as higher choices cost more. */
  #raise(position: number): void {
    const { choices, most, current, ceiling } = this.#demands[position]!;
    const chosen = this.#chosen[position]!;
    const next = chosen + 1;
    const costBps = choices[next]!.bitrateBps - (chosen < 0 ? 0 : choices[chosen]!.bitrateBps);
    const isTight = this.#spentBps + costBps > AMPLE_SHARE * this.#growBps;
    // A held step waits for its time or for a wider path, so it counts as wanted: the path is probed meanwhile.
    if (next > ceiling && isTight) return this.#refuse(position, HELD, Math.max(0, costBps));
    const leftBps = (next <= current ? this.#keepBps : this.#growBps) - this.#spentBps;
    if (costBps > 0 && costBps > leftBps) {
      const reason = { kind: "bandwidth", leftBps: Math.max(0, leftBps), neededBps: costBps } as const;
      return this.#refuse(position, reason, costBps);
    }
    this.#spentBps += costBps;
    this.#chosen[position] = next;
    this.#turns[position] = next < most ? turnOf(choices[next + 1]!) : NEVER;
  }

  #refuse(position: number, reason: AllocationReason, costBps: number): void {
    this.#refusals[position] = reason;
    this.#turns[position] = NEVER;
    this.#cheapestRefusedBps = Math.min(this.#cheapestRefusedBps, costBps);
  }
}

/** Temporal layers of a descriptor are at most 8. */
function turnOf({ spatial, temporal }: LayerChoice): number {
  return spatial * 8 + temporal;
}

/** The reason for a demand of which no step was refused. */
function outcome(demand: Demand, choice: number, outside: AllocationReason): AllocationReason {
  if (demand.choices.length === 0) return ABSENT[demand.absence];
  if (demand.most < 0) return NOT_WANTED;
  return choice === demand.most ? COMPLETE : outside;
}

function isWanted({ choices, most }: Demand): boolean {
  return choices.length > 0 && most >= 0;
}

/** Positions of the videos that may have bandwidth, first served first. */
function byPriority(demands: readonly Demand[], lastN: number): readonly number[] {
  const positions = sorted(demands, priorityKey);
  if (positions.length <= lastN) return positions;
  const heard = new Set(sorted(demands, speakerKey).slice(0, lastN));
  return positions.filter((position) => heard.has(position));
}

/** By tier; within a tier the larger first, in powers of two, so that a pixel more makes no difference; then by speaker. */
function priorityKey({ tier, visiblePixels, speakerRank }: Demand): number {
  const size = SIZES - 1 - Math.min(SIZES - 1, 32 - Math.clz32(visiblePixels));
  return (TIERS.indexOf(tier) * SIZES + size) * SPEAKERS + Math.min(speakerRank, SPEAKERS - 1);
}

/** Pinned, then shares, then whoever spoke last: how one makes it into the last N. */
function speakerKey({ tier, speakerRank }: Demand): number {
  const rank = Math.min(TIERS.indexOf(tier), TIERS.indexOf("speaker"));
  return rank * SPEAKERS + Math.min(speakerRank, SPEAKERS - 1);
}

function sorted(demands: readonly Demand[], keyOf: (demand: Demand) => number): readonly number[] {
  const keys: number[] = [];
  for (let position = 0; position < demands.length; position++) {
    const demand = demands[position]!;
    if (demand.kind === "video" && isWanted(demand)) keys.push(keyOf(demand) * POSITIONS + position);
  }
  return keys.sort((a, b) => a - b).map((key) => key % POSITIONS);
}

function kbps(bps: number): number {
  return Math.round(bps / 1000);
}
