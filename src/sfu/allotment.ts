/** What one down track was allotted of its receiver's bandwidth. */
import { HIGHEST_LAYERS, type Layers } from "../contract/media.ts";
import { type Allocation, type AllocationReason, explain, type LayerChoice, NO_CHOICE } from "./allocator.ts";
import { GrowthHold } from "./growth-hold.ts";

/**
 * What a track may start with after it sent nothing: asking for its first key frame again would cost more than sending it.
 */
const FIRST: Layers = { spatial: 0, temporal: HIGHEST_LAYERS.temporal };

/**
 * An allotment that has lasted this long is kept over a silence of the track. Shorter than the silence after which a track
 * counts as absent would keep what was allotted while its measured rate was running out; longer forgets what a video has
 * just got.
 */
const STEADY_US = 2_000_000;

export class Allotment {
  readonly #growth = new GrowthHold();
  /** Null for nothing, as initially. */
  #layers: Layers | null = null;
  #reason: AllocationReason | null = null;
  #changedUs = 0;
  /** What it may continue with after a silence. */
  #kept: Layers = FIRST;

  /** The latest allotment. */
  get layers(): Layers | null {
    return this.#layers;
  }

  /** What may be sent: the latest allotment, or for a track that was silent at that time the one before. */
  get open(): Layers | null {
    return this.#reason?.kind === "absent" ? this.#kept : this.#layers;
  }

  /** Index of the latest allotment in `choices`. */
  indexIn(choices: readonly LayerChoice[]): number {
    const layers = this.#layers;
    if (layers === null) return NO_CHOICE;
    return choices.findLastIndex(
      ({ spatial, temporal }) => spatial <= layers.spatial && temporal <= layers.temporal,
    );
  }

  /** Index of the highest choice to try now. `budgetBps`: for all tracks of the receiver. */
  ceilingIn(choices: readonly LayerChoice[], budgetBps: number, nowUs: number): number {
    return this.#growth.isActive(budgetBps, nowUs)
      ? Math.max(0, this.indexIn(choices))
      : Number.POSITIVE_INFINITY;
  }

  /**
   * Takes a new allotment. `budgetBps`: for all tracks of the receiver. Returns the sentence that explains it, or null when
   * nothing has changed.
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
    // Stopped by something other than silence: it starts again with little, at a key frame.
    if (reason?.kind !== "absent" || reason.absence !== "no_media") this.#kept = FIRST;
  }
}

/** Ladders of all kinds of content go up in space first, then in time. */
function rankOf(layers: Layers | null): number {
  return layers === null ? -1 : layers.spatial * (HIGHEST_LAYERS.temporal + 1) + layers.temporal;
}
