/** Tells control which layers of a video one subscriber is sent, whenever that changes. */
import { SLOT } from "../base/counters.ts";
import type { SubscriptionId } from "../base/ids.ts";
import type { CoreContext } from "./core-context.ts";
import { NO_LAYER } from "./layer-selector.ts";

export class LayerReport {
  /** As last reported; NO_LAYER while nothing is sent, as initially. */
  #spatial = NO_LAYER;
  #temporal = 0;
  readonly #subscriptionId: SubscriptionId;
  readonly #context: CoreContext;

  constructor(subscriptionId: SubscriptionId, context: CoreContext) {
    this.#subscriptionId = subscriptionId;
    this.#context = context;
  }

  /** The layers that are sent now. Called at each frame: allocates only when they have changed. */
  update(spatial: number, temporal: number): void {
    if (spatial === this.#spatial && temporal === this.#temporal) return;
    const { counters } = this.#context;
    const slot = spatial === this.#spatial ? SLOT.layerSwitches_temporal : SLOT.layerSwitches_spatial;
    if (this.#spatial !== NO_LAYER) counters[slot]! += 1;
    this.#report(spatial, temporal);
  }

  /** Nothing is sent any more. */
  clear(): void {
    if (this.#spatial !== NO_LAYER) this.#report(NO_LAYER, 0);
  }

  #report(spatial: number, temporal: number): void {
    this.#spatial = spatial;
    this.#temporal = temporal;
    const current = spatial === NO_LAYER ? null : { spatial, temporal };
    this.#context.events.push({ kind: "down-track.layer", subscriptionId: this.#subscriptionId, current });
  }
}
