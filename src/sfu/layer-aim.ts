/** How much of a track one receiver is to get: what it asks for, within what its bandwidth has been dealt out to. */
import { HIGHEST_LAYERS, type LayerPreference, type Layers } from "../contract/media.ts";
import { type Allocation, explain, type LayerChoice, NO_CHOICE } from "./allocator.ts";

/** What holds until the subscriber says otherwise. */
const EVERYTHING: LayerPreference = { paused: false, preferred: HIGHEST_LAYERS, maximum: HIGHEST_LAYERS };

const LOWEST: Layers = { spatial: 0, temporal: 0 };

export class LayerAim {
  preference = EVERYTHING;
  #allotted: Layers | null = null;
  #reason: Allocation["reason"] | null = null;

  /** What was dealt out last; null when it was nothing, as at first. */
  get allotted(): Layers | null {
    return this.#allotted;
  }

  /** Where to aim: what was dealt out, unless less is wanted by now. */
  get layers(): Layers {
    const { spatial, temporal } = this.#allotted ?? LOWEST;
    const { wanted } = this;
    return { spatial: Math.min(wanted.spatial, spatial), temporal: Math.min(wanted.temporal, temporal) };
  }

  /** The highest layers that the receiver wants, whatever its path can carry. */
  get wanted(): Layers {
    const { preferred, maximum } = this.preference;
    return {
      spatial: Math.min(preferred.spatial, maximum.spatial),
      temporal: Math.min(preferred.temporal, maximum.temporal),
    };
  }

  /** Index of what was dealt out last, among what is to be had now. */
  current(choices: readonly LayerChoice[]): number {
    const allotted = this.#allotted;
    if (allotted === null) return NO_CHOICE;
    return choices.findLastIndex(
      ({ spatial, temporal }) => spatial <= allotted.spatial && temporal <= allotted.temporal,
    );
  }

  /** Takes what was dealt out. Returns the sentence that explains it, or null when there is nothing new to tell. */
  allot(choice: LayerChoice | null, allocation: Allocation): string | null {
    const before = this.#allotted;
    const isSame = before?.spatial === choice?.spatial && before?.temporal === choice?.temporal;
    const isSaid = isSame && this.#reason?.kind === allocation.reason.kind;
    if (!isSame) this.#allotted = choice && { spatial: choice.spatial, temporal: choice.temporal };
    this.#reason = allocation.reason;
    return isSaid ? null : explain(allocation);
  }
}
