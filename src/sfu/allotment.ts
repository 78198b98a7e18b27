/** What a receiver's bandwidth was dealt out to, as one of its down tracks remembers it. */
import { HIGHEST_LAYERS, type Layers } from "../contract/media.ts";
import { type Allocation, type AllocationReason, explain, type LayerChoice, NO_CHOICE } from "./allocator.ts";
import { GrowthHold } from "./growth-hold.ts";

/** What a track that sent nothing may begin with: its first key frame costs more to ask for again than to send. */
const FIRST: Layers = { spatial: 0, temporal: HIGHEST_LAYERS.temporal };

/**
 * What was dealt out for as long as this holds over a silence. Shorter than the silence that makes a track an absent one
 * (and a dealing) would take what was dealt out when its layers seemed to cost less and less; longer forgets what a
 * video has just come to.
 */
const STEADY_US = 2_000_000;

export class Allotment {
  readonly #growth = new GrowthHold();
  /** Null for nothing, as at first. */
  #layers: Layers | null = null;
  #reason: AllocationReason | null = null;
  #changedUs = 0;
  /** What it may go on with after a silence. */
  #kept: Layers = FIRST;

  /** What was dealt out last. */
  get layers(): Layers | null {
    return this.#layers;
  }

  /** What may be sent: of a track that had nothing to deal out for, what it had before, until the next dealing. */
  get open(): Layers | null {
    return this.#reason?.kind === "absent" ? this.#kept : this.#layers;
  }

  /** Index of what was dealt out last, among what is to be had now. */
  indexIn(choices: readonly LayerChoice[]): number {
    const layers = this.#layers;
    if (layers === null) return NO_CHOICE;
    return choices.findLastIndex(
      ({ spatial, temporal }) => spatial <= layers.spatial && temporal <= layers.temporal,
    );
  }

  /** Index of the highest choice to try now, where there is `budgetBps` for all that the receiver gets. */
  ceilingIn(choices: readonly LayerChoice[], budgetBps: number, nowUs: number): number {
    return this.#growth.isActive(budgetBps, nowUs)
      ? Math.max(0, this.indexIn(choices))
      : Number.POSITIVE_INFINITY;
  }

  /**
   * Takes what is dealt out now of `budgetBps`, which is for all that the receiver gets. Returns the sentence that explains it,
   * or null when there is nothing new to tell.
   */
  take(choice: LayerChoice | null, allocation: Allocation, budgetBps: number, nowUs: number): string | null {
    const before = this.#layers;
    const change = rankOf(choice) - rankOf(before);
    const isSame = change === 0;
    if (change > 0) this.#growth.onGrown(budgetBps, nowUs);
    else if (isSame) this.#growth.onKept(budgetBps);
    else if (allocation.reason.kind === "bandwidth") this.#growth.onShrunk(budgetBps, nowUs);
    const isSaid = isSame && this.#reason?.kind === allocation.reason.kind;
    if (!isSame) {
      this.#layers = choice && { spatial: choice.spatial, temporal: choice.temporal };
      this.#changedUs = nowUs;
    }
    this.#reason = allocation.reason;
    this.#keep(nowUs);
    return isSaid ? null : explain(allocation);
  }

  #keep(nowUs: number): void {
    const layers = this.#layers;
    const reason = this.#reason;
    if (layers !== null) {
      const isSteady = nowUs - this.#changedUs >= STEADY_US;
      if (isSteady || rankOf(layers) < rankOf(this.#kept)) this.#kept = layers;
      return;
    }
    // Stopped by something else than silence: it begins at a key frame, and with little.
    if (reason?.kind !== "absent" || reason.absence !== "no_media") this.#kept = FIRST;
  }
}

/** Ladders of all kinds of content go up in space first, then in time. */
function rankOf(layers: Layers | null): number {
  return layers === null ? -1 : layers.spatial * (HIGHEST_LAYERS.temporal + 1) + layers.temporal;
}
