/**
 * In which order a video gets better: the layer sets that its publisher sends now, from the least to the best.
 *
 *   camera   q 8 → 15 → 30 fps → h 15 → 30 → f 15 → 30     smooth before sharp: size grows at no less than half the frames
 *   screen   q 8 → h 8 → f 8 → 15 → 30                     sharp before smooth: text is read, not watched
 *
 * Sets that are not on the way are left out: nobody is better off with a large face at eight frames a second.
 */
import { HIGHEST_LAYERS, type Layers } from "../contract/media.ts";
import type { LayerChoice } from "./allocator.ts";
import type { UpTrack } from "./up-track.ts";

export type Content = "camera" | "screen";

/**
 * What a receiver of at most these layers can be sent, from the least to the best; the least of all where even that is
 * more. Empty while the publisher sends nothing.
 */
export function layerLadder(
  sets: readonly LayerChoice[],
  content: Content,
  { spatial, temporal }: Layers,
): LayerChoice[] {
  const within = sets.filter((set) => set.spatial <= spatial && set.temporal <= temporal);
  return onLadder(content, within.length > 0 ? within : sets.slice(0, 1));
}

/** All that can be sent of the track at `nowUs`, by spatial and then by temporal layer. */
export function layerSets({ streams, isSimulcast }: UpTrack, nowUs: number): LayerChoice[] {
  const sets: LayerChoice[] = [];
  for (const stream of streams) {
    if (stream?.isActive(nowUs) !== true) continue;
    const { layerRates, encoding } = stream;
    for (let layer = 0; layer <= (isSimulcast ? 0 : layerRates.maxSpatial); layer++) {
      // Of an encoding all is sent, whatever spatial layers its own structure has.
      const [spatial, inStream] = isSimulcast ? [encoding, HIGHEST_LAYERS.spatial] : [layer, layer];
      for (let temporal = 0; temporal <= layerRates.maxTemporal; temporal++) {
        sets.push({ spatial, temporal, bitrateBps: layerRates.bps(inStream, temporal, nowUs) });
      }
    }
  }
  return sets;
}

/** `sets`: lowest first. */
function onLadder(content: Content, sets: readonly LayerChoice[]): LayerChoice[] {
  const [lowest, highest] = [sets[0]?.spatial, sets.at(-1)?.spatial];
  return sets.filter(({ spatial, temporal }) => {
    if (content === "screen") return temporal === 0 || spatial === highest;
    const fastest = sets.findLast((other) => other.spatial === spatial)!.temporal;
    return spatial === lowest || temporal >= fastest - 1;
  });
}
