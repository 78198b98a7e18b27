/**
 * When to ask a client that makes all offers for another, and for how many sections: `media_sections_requirement`.
 *
 * At most one offer that does not know of the demand can still come, the one that was under way; the next one answers it.
 * Until then nothing more is asked for, so that one wish never makes two sections. A client that offers again but adds
 * nothing is not asked for more before it has added something by itself: each demand would only bring the next offer.
 */
import type { MediaKind } from "../base/codec.ts";
import type { SectionPlan } from "./section-plan.ts";

/** How many sections of each kind. */
export interface SectionCounts {
  readonly audio: number;
  readonly video: number;
}

/**
 * Sections for receiving that a client is asked to have, in all and for video: with these and what it publishes, its
 * descriptions are as long as we read (`sdp/sdp-lines.ts`). Larger: a client that follows is turned away for it. Smaller:
 * large rooms are not seen whole.
 */
const MAX_SECTIONS = 200;
const MAX_VIDEOS = 100;

interface Pending {
  readonly demand: SectionCounts;
  /** How many sections the client should have then. */
  readonly expected: SectionCounts;
  /** An offer has come that did not know of the demand, or did not follow it. */
  readonly late: boolean;
}

const KINDS: readonly MediaKind[] = ["audio", "video"];
const UNKNOWN = Number.POSITIVE_INFINITY;

export class SectionDemand {
  /** How many sections the last offer had; null before the first, which comes without a demand. */
  #offered: SectionCounts | null = null;
  /** What was asked for last; null when it was answered. */
  #pending: Pending | null = null;
  /** The number of sections that the client has not exceeded when asked to. */
  readonly #ceiling: Record<MediaKind, number> = { audio: UNKNOWN, video: UNKNOWN };

  /** Whether a demand is unanswered. */
  get pending(): boolean {
    return this.#pending !== null;
  }

  /** Whether there was an offer. */
  get begun(): boolean {
    return this.#offered !== null;
  }

  /** What to ask for now; null for nothing. Counts of 0 ask for an offer alone. */
  next(plan: SectionPlan): SectionCounts | null {
    const offered = this.#offered;
    if (offered === null || this.#pending !== null) return null;
    const more = (kind: MediaKind, room: number): number =>
      offered[kind] < this.#ceiling[kind] ? Math.max(0, Math.min(plan.missing(kind), room)) : 0;
    const room = MAX_SECTIONS - offered.audio - offered.video;
    const audio = more("audio", room);
    const counts = { audio, video: more("video", Math.min(room - audio, MAX_VIDEOS - offered.video)) };
    if (counts.audio + counts.video === 0 && !plan.unsettled) return null;
    const expected = { audio: offered.audio + counts.audio, video: offered.video + counts.video };
    this.#pending = { demand: counts, expected, late: false };
    return counts;
  }

  /** An offer has come with so many sections on which the client receives. */
  onOffer(offered: SectionCounts): void {
    const before = this.#offered ?? offered;
    this.#offered = offered;
    for (const kind of KINDS) if (offered[kind] > this.#ceiling[kind]) this.#ceiling[kind] = UNKNOWN;
    if (this.#pending === null) return;
    const { expected, late } = this.#pending;
    const lacks = KINDS.some((kind) => offered[kind] < expected[kind]);
    if (lacks && !late) this.#pending = { ...this.#pending, late: true };
    else this.#end(before);
  }

  /** The time for a demand is over. Returns whether it is still unanswered. */
  giveUp(demand: SectionCounts): boolean {
    if (this.#offered === null || this.#pending?.demand !== demand) return false;
    this.#end(this.#offered);
    return true;
  }

  /** The client's connection was cut: what was asked for may not have arrived, so it has not refused it either. */
  reset(): void {
    this.#pending = null;
    for (const kind of KINDS) this.#ceiling[kind] = UNKNOWN;
  }

  /** A kind that has not grown since `before`, although it was asked to, will not. */
  #end(before: SectionCounts): void {
    if (this.#pending === null) return;
    const { expected } = this.#pending;
    this.#pending = null;
    for (const kind of KINDS) {
      const count = this.#offered?.[kind] ?? 0;
      if (count < expected[kind] && count <= before[kind]) this.#ceiling[kind] = count;
    }
  }
}
