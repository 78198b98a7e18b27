/** The media kinds and codecs that Blindfold routes. An answer leaves out anything else. */
export type MediaKind = "audio" | "video";

/** What a track carries, where routing depends on it: a shared screen is kept sharp, and served before cameras. */
export type MediaContent = "voice" | "camera" | "screen" | "other";

export type VideoCodec = "VP8" | "VP9" | "H264" | "AV1";
/** `red` is Opus with redundancy (RFC 2198), a payload type of its own. */
export type AudioCodec = "opus" | "red";
export type CodecName = VideoCodec | AudioCodec;

export function isAudio(codec: CodecName): codec is AudioCodec {
  return codec === "opus" || codec === "red";
}
