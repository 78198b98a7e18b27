/** Offers of the load clients for WHIP (publish) and WHEP (watch): like a browser's, without unused parts. */
import type { Fingerprint, IceCredentials } from "../../src/contract/media.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";

export type VideoMode = "simulcast" | "single" | "svc" | "none";

export const AUDIO_MID = "audio";
export const VIDEO_MID = "video";
/** From the lowest encoding to the highest. */
export const RIDS = ["q", "h", "f"] as const;

export const PAYLOAD_TYPE = { opus: 111, vp8: 96, vp8Rtx: 97, vp9: 98, vp9Rtx: 99 } as const;
export const CLOCK_RATE = { audio: 48_000, video: 90_000 } as const;

/** The same ids in every offer. */
export const EXTENSION_ID = {
  mid: 1,
  rid: 2,
  repairedRid: 3,
  transportCc: 4,
  absSendTime: 5,
  audioLevel: 6,
  dependencyDescriptor: 7,
} as const;
type Extension = keyof typeof EXTENSION_ID;

export interface LocalDescription {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
}

export interface SectionPlan {
  readonly kind: "audio" | "video";
  readonly mid: string;
  readonly direction: "sendonly" | "recvonly";
  readonly simulcast: boolean;
  readonly feedback: boolean;
}

export function publishOffer(local: LocalDescription, video: VideoMode, audio: boolean): string {
  const sections: SectionPlan[] = [];
  if (audio)
    sections.push({ kind: "audio", mid: AUDIO_MID, direction: "sendonly", simulcast: false, feedback: true });
  if (video !== "none") {
    sections.push({
      kind: "video",
      mid: VIDEO_MID,
      direction: "sendonly",
      simulcast: video === "simulcast",
      feedback: true,
    });
  }
  return writeOffer(local, sections, video === "svc" ? "VP9" : "VP8");
}

export interface WatchPlan {
  /** How many tracks of each kind it wants to receive. */
  readonly audios: number;
  readonly videos: number;
  /** Transport-wide feedback. */
  readonly feedback: boolean;
}

export function watchOffer(local: LocalDescription, { audios, videos, feedback }: WatchPlan): string {
  const plan = (kind: "audio" | "video", count: number): SectionPlan[] =>
    Array.from({ length: count }, (_, i) => ({
      kind,
      mid: `${kind[0]}${i}`,
      direction: "recvonly",
      simulcast: false,
      feedback,
    }));
  return writeOffer(local, [...plan("audio", audios), ...plan("video", videos)], "VP8 and VP9");
}

type Codecs = "VP8" | "VP9" | "VP8 and VP9";

export function writeOffer(
  local: LocalDescription,
  sections: readonly SectionPlan[],
  codecs: Codecs,
): string {
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${sections.map(({ mid }) => mid).join(" ")}`,
    "a=extmap-allow-mixed",
    `a=ice-ufrag:${local.ice.ufrag}`,
    `a=ice-pwd:${local.ice.pwd}`,
    `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`,
    "a=setup:actpass",
    ...sections.flatMap((section) => writeSection(section, codecs)),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function writeSection(plan: SectionPlan, codecs: Codecs): string[] {
  const { kind, mid, direction, simulcast, feedback } = plan;
  const payloads = kind === "audio" ? opusPayloads(feedback) : videoPayloads(codecs, feedback);
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloads.types.join(" ")}`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    `a=${direction}`,
    ...extensionsOf(plan).map((name) => `a=extmap:${EXTENSION_ID[name]} ${EXTENSION_URI[name]}`),
    "a=rtcp-mux",
    "a=rtcp-rsize",
    ...payloads.lines,
    ...(simulcast ? [...RIDS.map((rid) => `a=rid:${rid} send`), `a=simulcast:send ${RIDS.join(";")}`] : []),
  ];
}

function extensionsOf({ kind, direction, feedback }: SectionPlan): readonly Extension[] {
  const common: Extension[] = feedback ? ["mid", "transportCc", "absSendTime"] : ["mid", "absSendTime"];
  if (kind === "audio") return [...common, "audioLevel"];
  const video: Extension[] = [...common, "dependencyDescriptor"];
  return direction === "sendonly" ? [...video, "rid", "repairedRid"] : video;
}

interface Payloads {
  readonly types: readonly number[];
  readonly lines: readonly string[];
}

function opusPayloads(feedback: boolean): Payloads {
  const type = PAYLOAD_TYPE.opus;
  return {
    types: [type],
    lines: [
      `a=rtpmap:${type} opus/48000/2`,
      ...(feedback ? [`a=rtcp-fb:${type} transport-cc`] : []),
      `a=fmtp:${type} minptime=10;useinbandfec=1`,
    ],
  };
}

function videoPayloads(codecs: Codecs, feedback: boolean): Payloads {
  const values = [...(feedback ? ["transport-cc"] : []), "ccm fir", "nack", "nack pli"];
  const vp8 = codecs === "VP9" ? [] : [{ name: "VP8", type: PAYLOAD_TYPE.vp8, rtx: PAYLOAD_TYPE.vp8Rtx }];
  const vp9 = codecs === "VP8" ? [] : [{ name: "VP9", type: PAYLOAD_TYPE.vp9, rtx: PAYLOAD_TYPE.vp9Rtx }];
  const all = [...vp8, ...vp9];
  return {
    types: all.flatMap(({ type, rtx }) => [type, rtx]),
    lines: all.flatMap(({ name, type, rtx }) => [
      `a=rtpmap:${type} ${name}/90000`,
      ...(name === "VP9" ? [`a=fmtp:${type} profile-id=0`] : []),
      ...values.map((value) => `a=rtcp-fb:${type} ${value}`),
      `a=rtpmap:${rtx} rtx/90000`,
      `a=fmtp:${rtx} apt=${type}`,
    ]),
  };
}
