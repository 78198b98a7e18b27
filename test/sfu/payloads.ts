/** Codecs as publishers and receivers know them. */
import type { PayloadParams } from "../../src/contract/media.ts";

export const OPUS: PayloadParams = { payloadType: 111, codec: "opus", clockRate: 48_000, profile: "" };
export const RED: PayloadParams = { payloadType: 63, codec: "red", clockRate: 48_000, profile: "111/111" };
export const VP8 = video(96, "VP8");
export const VP9 = video(98, "VP9");
export const AV1 = video(45, "AV1");
export const H264 = video(102, "H264");

function video(payloadType: number, codec: "VP8" | "VP9" | "AV1" | "H264"): PayloadParams {
  return { payloadType, codec, clockRate: 90_000, profile: "", rtxPayloadType: payloadType + 1 };
}
