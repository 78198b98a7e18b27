/** Which of its encodings a publisher may stop, because nobody wants them: `SubscribedQualityUpdate`. */
import { SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate, VideoQuality } from "@livekit/protocol";
import type { Track } from "../control/track.ts";
import { requestOf } from "../livekit/client-facts.ts";
import { layersOf } from "../livekit/track-info.ts";

const QUALITIES = [VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH];

/** `wanted`: the highest spatial layer that anybody wants; -1 for none. */
export function subscribedQuality(track: Track, wanted: number): SubscribedQualityUpdate {
  const { payload, section } = track;
  const codec = (payload ?? section.payloads[0])?.codec ?? "";
  const qualities = QUALITIES.map(
    (quality) => new SubscribedQuality({ quality, enabled: spatialOf(track, quality) <= wanted }),
  );
  return new SubscribedQualityUpdate({
    trackSid: track.id,
    subscribedQualities: qualities,
    subscribedCodecs: [new SubscribedCodec({ codec: codec.toLowerCase(), qualities })],
  });
}

/** The layer that the publisher calls so; of names that it does not use, the highest that it has. */
function spatialOf(track: Track, quality: VideoQuality): number {
  const request = requestOf(track);
  const layers = request === undefined ? [] : layersOf(request);
  const at = layers.findIndex((layer) => layer.quality >= quality);
  if (at === -1) return Math.max(0, layers.length - 1);
  const byRid = track.section.rids.indexOf(layers[at]!.rid);
  return byRid === -1 ? at : byRid;
}
