/**
 * What a subscriber's wishes come to for one track: the highest layers that are worth sending, whatever the path carries.
 *
 * A video that is shown in a small frame needs no large picture: the highest layer is then the lowest that covers the
 * frame, or the highest of those that are as large. Sizes come from the Dependency Descriptor; of a layer whose size is not
 * known it is half or double that of its neighbour, as encoders have it, and where none is known the frame says nothing.
 */
import { HIGHEST_LAYERS, type LayerPreference, type PixelSize } from "../contract/media.ts";
import { NO_LAYER } from "./layer-selector.ts";

/** What is known of a track's spatial layers. */
export interface LayerSizes {
  resolution(spatial: number): PixelSize | undefined;
}

/**
 * A layer covers a frame that is larger by up to this factor. More would show as blur, less asks for four times the pixels
 * where a border or the rounding of a layout makes the difference.
 */
const TOLERANCE = 1.1;

/** The wanted spatial layer, NO_LAYER when paused. May be above the layers that exist. */
export function wantedSpatial(preference: LayerPreference, sizes: LayerSizes): number {
  const { paused, preferred, maximum, visible } = preference;
  if (paused) return NO_LAYER;
  const asked = Math.min(preferred.spatial, maximum.spatial);
  return visible === null ? asked : Math.min(asked, coveringLayer(visible, sizes));
}

export function wantedTemporal({ preferred, maximum }: LayerPreference): number {
  return Math.min(preferred.temporal, maximum.temporal);
}

function coveringLayer(visible: PixelSize, sizes: LayerSizes): number {
  let known = HIGHEST_LAYERS.spatial;
  while (known >= 0 && sizes.resolution(known) === undefined) known -= 1;
  if (known < 0) return HIGHEST_LAYERS.spatial;
  const { width, height } = sizes.resolution(known)!;
  for (let spatial = 0; spatial < HIGHEST_LAYERS.spatial; spatial++) {
    const own = sizes.resolution(spatial);
    const scale = own === undefined ? 2 ** (spatial - known) * TOLERANCE : TOLERANCE;
    const isWide = (own?.width ?? width) * scale >= visible.width;
    if (isWide && (own?.height ?? height) * scale >= visible.height) return sharpestOf(spatial, sizes);
  }
  return HIGHEST_LAYERS.spatial;
}

/** The highest layer of this one's size: those of a shared screen may differ in quality and frame rate alone. */
function sharpestOf(spatial: number, sizes: LayerSizes): number {
  const own = sizes.resolution(spatial);
  if (own === undefined) return spatial;
  let sharpest = spatial;
  while (isSameSize(own, sizes.resolution(sharpest + 1))) sharpest += 1;
  return sharpest;
}

function isSameSize({ width, height }: PixelSize, other: PixelSize | undefined): boolean {
  return other?.width === width && other.height === height;
}
