/**
 * In which order a video gets better for a receiver: the layer sets that its publisher sends now, up to what is wanted.
 *
 *   camera   q 8 → 15 → 30 fps → h 15 → 30 → f 15 → 30     smooth before sharp: size grows at no less than half the frames
 *   screen   q 8 → h 8 → f 8 → 15 → 30                     sharp before smooth: text is read, not watched
 *
 * Sets that are not on the way are left out: nobody is better off with a large face at eight frames a second.
 */
import { HIGHEST_LAYERS, type Layers } from "../contract/media.ts";
import type { LayerChoice } from "./allocator.ts";
import type { UpTrack } from "./up-track.ts";

/**
 * How long measured rates of layers are reused. Longer allocates bandwidth by old rates, shorter measures for each
 * receiver.
 */
const MEASURE_US = 50_000;

export type Content = "camera" | "screen";

/** The ladder of one track, measured once for all its receivers. */
export class MeasuredLadder {
  #sets: readonly LayerChoice[] = [];
  /** For a receiver that wants all there is. */
  #whole: readonly LayerChoice[] = [];
  #measuredUs = Number.NEGATIVE_INFINITY;

  /** The steps up to `limit`, lowest first. */
  upTo(limit: Layers, track: UpTrack, nowUs: number): readonly LayerChoice[] {
    const content = track.params.content === "screen" ? "screen" : "camera";
    if (nowUs - this.#measuredUs >= MEASURE_US) {
      this.#measuredUs = nowUs;
      this.#sets = layerSets(track, nowUs);
      this.#whole = layerLadder(this.#sets, content, HIGHEST_LAYERS);
    }
    const isUnlimited = limit.spatial >= HIGHEST_LAYERS.spatial && limit.temporal >= HIGHEST_LAYERS.temporal;
    return isUnlimited ? this.#whole : layerLadder(this.#sets, content, limit);
  }

  /** The track's layers mean something else now: measures at the next call. */
  forget(): void {
    this.#measuredUs = Number.NEGATIVE_INFINITY;
  }
}

/** All that can be sent of the track now, by spatial and then by temporal layer: the same for all its receivers. */
export function layerSets({ streams, isSimulcast }: UpTrack, nowUs: number): LayerChoice[] {
  const sets: LayerChoice[] = [];
  for (const stream of streams) {
    if (stream?.isActive(nowUs) !== true) continue;
    const { layerRates, encoding } = stream;
    const { minSpatial, maxSpatial } = layerRates;
    for (let layer = minSpatial; layer <= (isSimulcast ? minSpatial : maxSpatial); layer++) {
      // Under simulcast an encoding is sent whole, whatever spatial layers its own structure has.
      const [spatial, inStream] = isSimulcast ? [encoding, HIGHEST_LAYERS.spatial] : [layer, layer];
      for (let temporal = 0; temporal <= layerRates.maxTemporal; temporal++) {
        sets.push({ spatial, temporal, bitrateBps: layerRates.bps(inStream, temporal, nowUs) });
      }
    }
  }
  return sets;
}

/**
 * The steps for one receiver up to what it wants, from the `sets` of its track. A receiver that wants a layer below those
 * that are sent gets the lowest of them. Empty while the publisher sends nothing.
 */
export function layerLadder(sets: readonly LayerChoice[], content: Content, wanted: Layers): LayerChoice[] {
  const lowest = sets[0]?.spatial ?? 0;
  const within = sets.filter(({ spatial, temporal }) => {
    return (spatial <= wanted.spatial || spatial === lowest) && temporal <= wanted.temporal;
  });
  const highest = within.at(-1)?.spatial;
  return within.filter(({ spatial, temporal }) => {
    if (content === "screen") return temporal === 0 || spatial === highest;
    const fastest = within.findLast((other) => other.spatial === spatial)!.temporal;
    return spatial === lowest || temporal >= fastest - 1;
  });
}
