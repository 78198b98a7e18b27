/** The media kinds and codecs that Blindfold routes. Anything else is not offered back in an answer. */
export type MediaKind = "audio" | "video";

/** What a track shows or carries, as far as routing goes by it: a shared screen comes sharp, and before faces. */
export type MediaContent = "voice" | "camera" | "screen" | "other";

export type VideoCodec = "VP8" | "VP9" | "H264" | "AV1";
/** `red` is Opus with redundancy (RFC 2198), a payload type of its own. */
export type AudioCodec = "opus" | "red";
export type CodecName = VideoCodec | AudioCodec;

export function isAudio(codec: CodecName): codec is AudioCodec {
  return codec === "opus" || codec === "red";
}
