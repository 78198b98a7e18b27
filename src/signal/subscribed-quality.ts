/**
 * Which of its encodings a publisher may stop, because nobody wants them, and whether it is to send a backup in another
 * codec, because somebody can not decode the first: `SubscribedQualityUpdate`.
 */
import { SubscribedCodec, SubscribedQuality, SubscribedQualityUpdate, VideoQuality } from "@livekit/protocol";
import type { Track } from "../control/track.ts";
import { requestOf } from "../livekit/client-facts.ts";
import { backupCodecOf, codecOf, layersOf } from "../livekit/track-info.ts";

const QUALITIES = [VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH];

/** Null while it is not known what is wanted: the publisher then sends all that it has. */
export function subscribedQuality(track: Track): SubscribedQualityUpdate | null {
  const { wanted, backup, needsBackup } = track;
  const backupCodec = backupCodecOf(track);
  if (wanted === null && backupCodec === undefined) return null;
  const qualities = qualitiesOf(track, wanted);
  const subscribedCodecs = [new SubscribedCodec({ codec: codecOf(track), qualities })];
  if (backupCodec !== undefined) {
    // One that is not published yet is published when it is asked for.
    const backupQualities =
      backup === null ? QUALITIES.map(needsBackup ? enabled : disabled) : qualitiesOf(backup, backup.wanted);
    subscribedCodecs.push(new SubscribedCodec({ codec: backupCodec, qualities: backupQualities }));
  }
  return new SubscribedQualityUpdate({
    trackSid: track.id,
    subscribedQualities: qualities,
    subscribedCodecs,
  });
}

const enabled = (quality: VideoQuality): SubscribedQuality =>
  new SubscribedQuality({ quality, enabled: true });
const disabled = (quality: VideoQuality): SubscribedQuality =>
  new SubscribedQuality({ quality, enabled: false });

/** `wanted`: the highest spatial layer that anybody wants; -1 for none, null for all. */
function qualitiesOf(track: Track, wanted: number | null): SubscribedQuality[] {
  return QUALITIES.map((quality) =>
    wanted === null || spatialOf(track, quality) <= wanted ? enabled(quality) : disabled(quality),
  );
}

/** The publisher's layer of that quality; for a quality that it does not have, its highest. */
function spatialOf(track: Track, quality: VideoQuality): number {
  const request = requestOf(track);
  const layers = request === undefined ? [] : layersOf(request);
  const at = layers.findIndex((layer) => layer.quality >= quality);
  if (at === -1) return Math.max(0, layers.length - 1);
  const byRid = track.section.rids.indexOf(layers[at]!.rid);
  return byRid === -1 ? at : byRid;
}
