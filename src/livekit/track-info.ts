/** A track as `livekit.TrackInfo` of livekit_models.proto. */
import {
  type AddTrackRequest,
  Encryption_Type,
  SimulcastCodecInfo,
  TrackInfo,
  TrackSource,
  TrackType,
  VideoLayer,
  VideoLayer_Mode,
  VideoQuality,
} from "@livekit/protocol";
import type { CodecName, MediaKind } from "../base/codec.ts";
import type { TrackId } from "../base/ids.ts";
import type { TrackSource as SourceName } from "../control/access-token.ts";
import type { Track, TrackEncryption } from "../control/track.ts";
import { requestOf } from "./client-facts.ts";

export const SOURCES: Readonly<Record<SourceName, TrackSource>> = {
  unknown: TrackSource.UNKNOWN,
  camera: TrackSource.CAMERA,
  microphone: TrackSource.MICROPHONE,
  screen_share: TrackSource.SCREEN_SHARE,
  screen_share_audio: TrackSource.SCREEN_SHARE_AUDIO,
};

export const TYPES: Readonly<Record<MediaKind, TrackType>> = {
  audio: TrackType.AUDIO,
  video: TrackType.VIDEO,
};

export const ENCRYPTIONS: Readonly<Record<TrackEncryption, Encryption_Type>> = {
  none: Encryption_Type.NONE,
  gcm: Encryption_Type.GCM,
  custom: Encryption_Type.CUSTOM,
};

export function trackInfo(track: Track): TrackInfo {
  const { id, muted, section } = track;
  const { kind, mid, source, encryption, rids } = section;
  const mimeType = mimeTypeOf(track);
  const request = requestOf(track);
  const described = request === undefined ? {} : describedBy(request);
  const streams = track.backup === null ? [track] : [track, track.backup];
  return new TrackInfo({
    ...described,
    sid: id,
    type: TYPES[kind],
    source: SOURCES[source],
    encryption: ENCRYPTIONS[encryption],
    muted,
    mid,
    mimeType,
    simulcast: rids.length > 1,
    codecs: streams.flatMap((stream) => codecsOf(stream)),
  });
}

function codecsOf(stream: Track): SimulcastCodecInfo[] {
  const mimeType = mimeTypeOf(stream);
  return mimeType === "" ? [] : [codecInfo(mimeType, requestOf(stream), stream.section.mid)];
}

/** Before media has arrived, the first negotiated codec, which is the one that browsers send. */
function mimeTypeOf({ payload, section }: Track): string {
  const codec = (payload ?? section.payloads[0])?.codec;
  return codec === undefined ? "" : `${section.kind}/${codec}`;
}

/** The codec of a track as `SubscribedCodec` names it. */
export function codecOf({ payload, section }: Track): string {
  return ((payload ?? section.payloads[0])?.codec ?? "").toLowerCase();
}

/** The codec of its backup, published or only announced; undefined where its publisher has announced none. */
export function backupCodecOf(track: Track): string | undefined {
  if (track.backup !== null) return codecOf(track.backup);
  return codecNamed(requestOf(track)?.simulcastCodecs[1]?.codec ?? "")?.toLowerCase();
}

/** A track that was announced and has no media section yet. */
export function announcedTrackInfo(id: TrackId, request: AddTrackRequest, muted: boolean): TrackInfo {
  const { type, source, encryption } = request;
  const mimeType = announcedMimeType(request);
  return new TrackInfo({
    ...describedBy(request),
    sid: id,
    type,
    source,
    encryption,
    muted,
    mimeType,
    simulcast: layersOf(request).length > 1,
    codecs: mimeType === "" ? [] : [codecInfo(mimeType, request, "")],
  });
}

/** Empty where the publisher leaves the choice to the negotiation. */
function announcedMimeType(request: AddTrackRequest): string {
  if (request.type === TrackType.AUDIO) return "audio/opus";
  const codec = announcedCodec(request);
  return codec === undefined ? "" : `video/${codec}`;
}

/** The codec for a video that was announced with one that we do not forward. Every client supports it. */
const FALLBACK: CodecName = "VP8";

/** The codec in which a track is to be published; undefined where its publisher leaves that to the negotiation. */
export function announcedCodec({ type, simulcastCodecs }: AddTrackRequest): CodecName | undefined {
  const asked = simulcastCodecs[0]?.codec ?? "";
  return codecNamed(asked) ?? (asked !== "" && type === TrackType.VIDEO ? FALLBACK : undefined);
}

const CODECS: readonly CodecName[] = ["opus", "VP8", "VP9", "H264", "AV1"];

/** `vp9` and `video/VP9` are the same. */
function codecNamed(text: string): CodecName | undefined {
  const name = text.slice(text.lastIndexOf("/") + 1).toLowerCase();
  return CODECS.find((codec) => codec.toLowerCase() === name);
}

function describedBy(request: AddTrackRequest): Partial<TrackInfo> {
  const { name, width, height, stream, disableDtx, stereo, disableRed } = request;
  const { audioFeatures, backupCodecPolicy, packetTrailerFeatures } = request;
  return {
    name,
    width,
    height,
    stream,
    disableDtx,
    stereo,
    disableRed,
    audioFeatures,
    backupCodecPolicy,
    packetTrailerFeatures,
    layers: layersOf(request),
  };
}

/** From the lowest up. The only layer of a video has high quality, as clients expect. */
export function layersOf({ layers, simulcastCodecs, type, width, height }: AddTrackRequest): VideoLayer[] {
  if (type !== TrackType.VIDEO) return [];
  const own = simulcastCodecs[0]?.layers ?? [];
  const announced = own.length > 0 ? own : layers;
  if (announced.length > 0) return announced.toSorted((a, b) => a.quality - b.quality);
  return [new VideoLayer({ quality: VideoQuality.HIGH, width, height })];
}

/** SVC unless the publisher declares simulcast: Safari announces several encodings, and sends one with all layers. */
const SVC_TYPES = ["video/VP9", "video/AV1"];

function codecInfo(mimeType: string, request: AddTrackRequest | undefined, mid: string): SimulcastCodecInfo {
  const announced = request?.simulcastCodecs[0];
  return new SimulcastCodecInfo({
    mimeType,
    mid,
    cid: announced?.cid || (request?.cid ?? ""),
    layers: request === undefined ? [] : layersOf(request),
    videoLayerMode:
      announced?.videoLayerMode ||
      (SVC_TYPES.includes(mimeType)
        ? VideoLayer_Mode.MULTIPLE_SPATIAL_LAYERS_PER_STREAM
        : VideoLayer_Mode.ONE_SPATIAL_LAYER_PER_STREAM),
  });
}
