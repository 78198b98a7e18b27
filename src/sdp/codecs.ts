/**
 * The codecs that Blindfold routes, and which parameters of `a=fmtp` decide whether two peers are compatible: opus (RFC 7587),
 * red (RFC 2198), VP8 (RFC 7741), VP9 (RFC 9628 §7), H264 (h264-profile.ts), AV1 (RTP payload format for AV1 §7).
 */
import type { CodecName, MediaKind } from "../base/codec.ts";
import type { PayloadParams } from "../contract/media.ts";
import { h264Distance, h264Profile } from "./h264-profile.ts";
import type { OfferedCodec } from "./session-description.ts";

interface SupportedCodec {
  readonly codec: CodecName;
  readonly kind: MediaKind;
  readonly clockRate: number;
  readonly channels: number;
  /** The value of `PayloadParams.profile`; undefined when we do not route what the parameters ask for. */
  readonly profile: (parameters: FormatParameters, fmtp: string) => string | undefined;
  /** Parameters that an answer repeats. Decoder limits are not among them: we have none. */
  readonly repeated: readonly string[] | "all";
}

export type FormatParameters = ReadonlyMap<string, string>;

const video = { kind: "video", clockRate: 90_000, channels: 1 } as const;

const SUPPORTED: readonly SupportedCodec[] = [
  {
    codec: "opus",
    kind: "audio",
    clockRate: 48_000,
    channels: 2,
    profile: () => "",
    repeated: ["minptime", "useinbandfec", "usedtx", "stereo", "sprop-stereo", "maxaveragebitrate", "cbr"],
  },
  { codec: "red", kind: "audio", clockRate: 48_000, channels: 2, profile: redProfile, repeated: "all" },
  { codec: "VP8", ...video, profile: () => "", repeated: [] },
  { codec: "VP9", ...video, profile: vp9Profile, repeated: ["profile-id"] },
  {
    codec: "H264",
    ...video,
    profile: h264Profile,
    repeated: ["level-asymmetry-allowed", "packetization-mode", "profile-level-id"],
  },
  { codec: "AV1", ...video, profile: av1Profile, repeated: ["profile", "level-idx", "tier"] },
];

/** An offered codec that we route. */
export interface RoutedCodec {
  readonly codec: CodecName;
  readonly profile: string;
  /** `a=fmtp` of the answer; empty for none. */
  readonly fmtp: string;
}

export function routedCodec(kind: MediaKind, offered: OfferedCodec): RoutedCodec | undefined {
  const name = offered.name.toLowerCase();
  const supported = SUPPORTED.find((one) => one.codec.toLowerCase() === name);
  if (supported === undefined || supported.kind !== kind) return undefined;
  if (supported.clockRate !== offered.clockRate || supported.channels !== offered.channels) return undefined;
  const parameters = formatParameters(offered.fmtp);
  const profile = supported.profile(parameters, offered.fmtp);
  if (profile === undefined) return undefined;
  const { repeated } = supported;
  const fmtp =
    repeated === "all"
      ? offered.fmtp
      : [...parameters]
          .filter(([parameter]) => repeated.includes(parameter))
          .map(([parameter, value]) => `${parameter}=${value}`)
          .join(";");
  return { codec: supported.codec, profile, fmtp };
}

/** How far the receiver's payload `known` is from what is sent: 0 for the same, undefined where it cannot decode it. */
export function decodingDistance(sent: PayloadParams, known: PayloadParams): number | undefined {
  if (sent.codec !== known.codec || sent.clockRate !== known.clockRate) return undefined;
  if (sent.codec === "H264") return h264Distance(sent.profile, known.profile);
  return sent.profile === known.profile ? 0 : undefined;
}

/** `<name>=<value>;…`, names in lower case; the first of two equal names counts. White space around either is ignored. */
export function formatParameters(fmtp: string): FormatParameters {
  const parameters = new Map<string, string>();
  for (const part of fmtp.split(";")) {
    const equalsAt = part.indexOf("=");
    if (equalsAt === -1) continue;
    const name = part.slice(0, equalsAt).trim().toLowerCase();
    const value = part.slice(equalsAt + 1).trim();
    if (!/^[\w-]+$/.test(name) || !/^[!-~]*$/.test(value)) continue;
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

/**
 * The payload types of its blocks (RFC 2198 §5). They are in the packets, so two peers are compatible only where both give
 * Opus the same payload type.
 */
function redProfile(_parameters: FormatParameters, fmtp: string): string | undefined {
  return /^\d{1,3}(?:\/\d{1,3}){1,7}$/.test(fmtp) ? fmtp : undefined;
}

/** Profile 0 is 8 bits 4:2:0, which every decoder supports. */
function vp9Profile(parameters: FormatParameters): string | undefined {
  return (parameters.get("profile-id") ?? "0") === "0" ? "profile-id=0" : undefined;
}

/** Main profile; level and tier do not matter to a router. */
function av1Profile(parameters: FormatParameters): string | undefined {
  return (parameters.get("profile") ?? "0") === "0" ? "profile=0" : undefined;
}
