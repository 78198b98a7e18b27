/** The media kinds and codecs that Blindfold routes. Anything else is not offered back in an answer. */
export type MediaKind = "audio" | "video";

export type VideoCodec = "VP8" | "VP9" | "H264" | "AV1";
export type AudioCodec = "opus";
export type CodecName = VideoCodec | AudioCodec;
