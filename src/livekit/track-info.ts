/** A track in LiveKit's words: `livekit.TrackInfo` of livekit_models.proto. */
import { Encryption_Type, SimulcastCodecInfo, TrackInfo, TrackSource, TrackType } from "@livekit/protocol";
import type { MediaKind } from "../base/codec.ts";
import type { TrackSource as SourceName } from "../control/access-token.ts";
import type { Track, TrackEncryption } from "../control/track.ts";

export const SOURCES: Readonly<Record<SourceName, TrackSource>> = {
  unknown: TrackSource.UNKNOWN,
  camera: TrackSource.CAMERA,
  microphone: TrackSource.MICROPHONE,
  screen_share: TrackSource.SCREEN_SHARE,
  screen_share_audio: TrackSource.SCREEN_SHARE_AUDIO,
};

const TYPES: Readonly<Record<MediaKind, TrackType>> = { audio: TrackType.AUDIO, video: TrackType.VIDEO };

const ENCRYPTIONS: Readonly<Record<TrackEncryption, Encryption_Type>> = {
  none: Encryption_Type.NONE,
  gcm: Encryption_Type.GCM,
  custom: Encryption_Type.CUSTOM,
};

export function trackInfo({ id, muted, payload, section }: Track): TrackInfo {
  const { kind, mid, source, encryption, rids } = section;
  // Empty until media has arrived: an offer names several codecs, and only packets say which is used.
  const mimeType = payload === null ? "" : `${kind}/${payload.codec}`;
  return new TrackInfo({
    sid: id,
    type: TYPES[kind],
    source: SOURCES[source],
    encryption: ENCRYPTIONS[encryption],
    muted,
    mid,
    mimeType,
    simulcast: rids.length > 1,
    codecs: mimeType === "" ? [] : [new SimulcastCodecInfo({ mimeType, mid })],
  });
}
