/** How each codec is sent: encodings, layers, bit rates. */
import type { VideoCodec } from "../../base/codec.ts";

/** TypeScript's library does not have the W3C's webrtc-svc yet. */
interface Encoding extends RTCRtpEncodingParameters {
  readonly scalabilityMode: string;
}

/** 1280 × 720, halved twice. The rates suffice for a face in each size at 30 frames a second. */
const SIMULCAST: readonly Encoding[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: "L1T3" },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T3" },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000, scalabilityMode: "L1T3" },
];

/**
 * VP8 and H264 have no spatial layers: three encodings. VP9 has: one encoding, whose layers depend on each other at
 * key frames only. AV1 could do as VP9 does, at more CPU than a test call should take; with a single temporal layer,
 * Chromium sends no dependency descriptor and a sealed frame could not be routed.
 */
const ENCODINGS: Record<VideoCodec, readonly Encoding[]> = {
  VP8: SIMULCAST,
  H264: SIMULCAST,
  VP9: [{ maxBitrate: 1_800_000, scalabilityMode: "L3T3_KEY" }],
  AV1: [{ maxBitrate: 1_200_000, scalabilityMode: "L1T3" }],
};

export const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};

/** Adds a section that sends video in `codec` only. Returns undefined when this browser cannot send it. */
export function addVideo(
  connection: RTCPeerConnection,
  track: MediaStreamTrack,
  codec: VideoCodec,
): RTCRtpTransceiver | undefined {
  const preferences = codecPreferences(codec);
  if (preferences.length === 0) return undefined;
  const sendEncodings = ENCODINGS[codec].map((encoding) => ({ ...encoding }));
  const transceiver = connection.addTransceiver(track, { direction: "sendonly", sendEncodings });
  transceiver.setCodecPreferences(preferences);
  return transceiver;
}

/**
 * Turns encodings above a spatial layer off, and those up to it on; -1 turns all off, null none. A single encoding is
 * left as it is: its layers cannot be turned off one by one.
 */
export async function sendUpTo(sender: RTCRtpSender, highest: number | null): Promise<void> {
  const parameters = sender.getParameters();
  const isWanted = (index: number): boolean => highest === null || index <= highest;
  if (parameters.encodings.length < 2) return;
  if (parameters.encodings.every(({ active }, index) => active === isWanted(index))) return;
  parameters.encodings.forEach((encoding, index) => {
    encoding.active = isWanted(index);
  });
  await sender.setParameters(parameters);
}

export function canSend(codec: VideoCodec): boolean {
  return codecPreferences(codec).length > 0;
}

/** The codec and RTX, without RED and FEC, which would wrap encrypted payloads. */
function codecPreferences(codec: VideoCodec): RTCRtpCodec[] {
  const all = RTCRtpSender.getCapabilities("video")?.codecs ?? [];
  const own = all.filter(
    (one) => one.mimeType.toLowerCase() === `video/${codec.toLowerCase()}` && isWanted(one),
  );
  const rtx = all.filter((one) => one.mimeType.toLowerCase() === "video/rtx");
  return own.length === 0 ? [] : [...own, ...rtx];
}

/** Profiles that every receiver supports: VP9 and AV1 profile 0, H264 constrained baseline, not single-NAL mode. */
function isWanted({ sdpFmtpLine = "" }: RTCRtpCodec): boolean {
  const value = (name: string): string | undefined => new RegExp(`\\b${name}=(\\w+)`).exec(sdpFmtpLine)?.[1];
  const isH264Fit =
    value("packetization-mode") !== "0" && (value("profile-level-id") ?? "42e0").startsWith("42e0");
  return isH264Fit && (value("profile-id") ?? "0") === "0" && (value("profile") ?? "0") === "0";
}
