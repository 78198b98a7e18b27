/**
 * The TSNs received beyond the cumulative one (RFC 9260 §6.2), as runs, which are the gap blocks of a SACK: the cost is that
 * of the number of holes, not of the chunks behind them.
 */
import { type GapBlock, tsnAhead, tsnPlus } from "./sctp-packet.ts";

interface Run {
  start: number;
  end: number;
}

export class ReceivedRuns {
  /** Ascending, with a hole between any two. */
  readonly #runs: Run[] = [];

  /** Number of TSNs. */
  get size(): number {
    return this.#runs.length;
  }

  /** Returns false for a duplicate. */
  add(tsn: number): boolean {
    const runs = this.#runs;
    let at = runs.length - 1;
    while (at >= 0 && tsnAhead(tsn, runs[at]!.start) > 0) at--;
    const before = runs[at];
    const after = runs[at + 1];
    if (before !== undefined && tsnAhead(before.end, tsn) <= 0) return false;
    const isNext = before !== undefined && tsnPlus(before.end, 1) === tsn;
    const isPrevious = after !== undefined && tsnPlus(tsn, 1) === after.start;
    if (isNext && isPrevious) {
      before.end = after.end;
      runs.splice(at + 1, 1);
    } else if (isNext) before.end = tsn;
    else if (isPrevious) after.start = tsn;
    else runs.splice(at + 1, 0, { start: tsn, end: tsn });
    return true;
  }

  /** The cumulative TSN if all up to `cumulativeTsn` had arrived. */
  reach(cumulativeTsn: number): number {
    let cumulative = cumulativeTsn;
    for (const { start, end } of this.#runs) {
      if (tsnAhead(cumulative, start) > 1) break;
      if (tsnAhead(cumulative, end) > 0) cumulative = end;
    }
    return cumulative;
  }

  /** Drops the runs that `cumulativeTsn` covers or reaches, and returns the new cumulative TSN. */
  advance(cumulativeTsn: number): number {
    const cumulative = this.reach(cumulativeTsn);
    const covered = this.#runs.findIndex(({ end }) => tsnAhead(cumulative, end) > 0);
    this.#runs.splice(0, covered === -1 ? this.#runs.length : covered);
    return cumulative;
  }

  /** The first `limit` runs as distances from the cumulative TSN. */
  blocks(cumulativeTsn: number, limit: number): GapBlock[] {
    return this.#runs
      .slice(0, limit)
      .map(({ start, end }) => [tsnAhead(cumulativeTsn, start), tsnAhead(cumulativeTsn, end)] as const);
  }
}
