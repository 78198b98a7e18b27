/** What a receiver's bandwidth was dealt out to, as one of its down tracks remembers it. */
import type { Layers } from "../contract/media.ts";
import { type Allocation, type AllocationReason, explain, type LayerChoice, NO_CHOICE } from "./allocator.ts";

export class Allotment {
  /** Null for nothing, as at first. */
  #layers: Layers | null = null;
  #reason: AllocationReason | null = null;

  get layers(): Layers | null {
    return this.#layers;
  }

  /** Index of what was dealt out last, among what is to be had now. */
  indexIn(choices: readonly LayerChoice[]): number {
    const layers = this.#layers;
    if (layers === null) return NO_CHOICE;
    return choices.findLastIndex(
      ({ spatial, temporal }) => spatial <= layers.spatial && temporal <= layers.temporal,
    );
  }

  /** Takes what is dealt out now. Returns the sentence that explains it, or null when there is nothing new to tell. */
  take(choice: LayerChoice | null, allocation: Allocation): string | null {
    const before = this.#layers;
    const isSame = before?.spatial === choice?.spatial && before?.temporal === choice?.temporal;
    const isSaid = isSame && this.#reason?.kind === allocation.reason.kind;
    if (!isSame) this.#layers = choice && { spatial: choice.spatial, temporal: choice.temporal };
    this.#reason = allocation.reason;
    return isSaid ? null : explain(allocation);
  }
}
