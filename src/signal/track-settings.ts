/** A client's settings for a track, `UpdateTrackSettings`, as a preference for layers. */
import { UpdateTrackSettings, type VideoLayer, VideoQuality } from "@livekit/protocol";
import { HIGHEST_LAYERS, type LayerPreference, type Layers } from "../contract/media.ts";
import type { Track } from "../control/track.ts";
import { requestOf } from "../livekit/client-facts.ts";
import { layersOf } from "../livekit/track-info.ts";

/** Frames per second up to which a temporal layer suffices, for a camera that sends 30 in three layers. */
const BASE_LAYER_FPS = 8;
const MIDDLE_LAYER_FPS = 15;

/** 1 is the highest, 0 is none. */
const HIGHEST_PRIORITY = 1;

export function preferenceFor(track: Track, settings: UpdateTrackSettings): LayerPreference {
  const { disabled, fps, priority, width, height } = settings;
  const preferred: Layers =
    track.section.kind === "audio"
      ? HIGHEST_LAYERS
      : { spatial: spatialLayer(track, settings), temporal: temporalLayer(fps) };
  return {
    paused: disabled,
    preferred,
    maximum: preferred,
    visible: width > 0 && height > 0 ? { width, height } : null,
    pinned: priority === HIGHEST_PRIORITY,
  };
}

/** The settings of a client that has sent none. */
export function defaultSettings(): UpdateTrackSettings {
  return new UpdateTrackSettings({ quality: VideoQuality.HIGH });
}

/** The lowest layer that is large enough for the size shown, or that of the quality where no size is given. */
function spatialLayer(track: Track, { width, height, quality }: UpdateTrackSettings): number {
  const request = requestOf(track);
  const layers = request === undefined ? [] : layersOf(request);
  const known = layers.filter((layer) => Math.min(layer.width, layer.height) > 0);
  if (width > 0 && height > 0) {
    // Only one announced size may stand for several layers. Then `visible` decides, by the sizes seen in the stream.
    if (known.length < 2) return HIGHEST_LAYERS.spatial;
    const wanted = Math.min(width, height);
    const sized = known.toSorted((a, b) => shortSide(a) - shortSide(b));
    const enough = sized.find((layer) => shortSide(layer) >= wanted);
    return enough === undefined ? HIGHEST_LAYERS.spatial : indexOf(track, sized, enough);
  }
  if (quality === VideoQuality.HIGH) return HIGHEST_LAYERS.spatial;
  const named = layers.find((layer) => layer.quality === quality);
  return named === undefined ? quality : indexOf(track, layers, named);
}

/** A portrait and a landscape picture of one size have the same short side. */
const shortSide = ({ width, height }: VideoLayer): number => Math.min(width, height);

/** By RID, where the publisher has announced it; otherwise by position, lowest first. */
function indexOf({ section }: Track, lowestFirst: readonly VideoLayer[], layer: VideoLayer): number {
  const byRid = section.rids.indexOf(layer.rid);
  return byRid === -1 ? lowestFirst.indexOf(layer) : byRid;
}

function temporalLayer(fps: number): number {
  if (fps === 0 || fps > MIDDLE_LAYER_FPS) return HIGHEST_LAYERS.temporal;
  return fps > BASE_LAYER_FPS ? 1 : 0;
}
