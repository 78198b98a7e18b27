/** Common to all simulated session descriptions: payload types, extension ids, names of encodings. */
import type { PayloadParams } from "../../src/contract/media.ts";
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";

export const EXTENSION_ID = {
  mid: 1,
  rid: 2,
  repairedRid: 3,
  transportCc: 4,
  absSendTime: 5,
  audioLevel: 6,
  descriptor: 7,
  playoutDelay: 8,
} as const;
export const EXTENSION_IDS: Record<string, number> = {
  [EXTENSION_URI.mid]: EXTENSION_ID.mid,
  [EXTENSION_URI.rid]: EXTENSION_ID.rid,
  [EXTENSION_URI.repairedRid]: EXTENSION_ID.repairedRid,
  [EXTENSION_URI.transportCc]: EXTENSION_ID.transportCc,
  [EXTENSION_URI.absSendTime]: EXTENSION_ID.absSendTime,
  [EXTENSION_URI.audioLevel]: EXTENSION_ID.audioLevel,
  [EXTENSION_URI.dependencyDescriptor]: EXTENSION_ID.descriptor,
  [EXTENSION_URI.playoutDelay]: EXTENSION_ID.playoutDelay,
};

export const MID = { audio: "0", video: "1" } as const;
export const RIDS = ["q", "h", "f"] as const;

export const OPUS: PayloadParams = { payloadType: 111, codec: "opus", clockRate: 48_000, profile: "" };
const VP8: PayloadParams = {
  payloadType: 96,
  codec: "VP8",
  clockRate: 90_000,
  profile: "",
  rtxPayloadType: 97,
};
const VP9: PayloadParams = {
  payloadType: 98,
  codec: "VP9",
  clockRate: 90_000,
  profile: "profile-id=0",
  rtxPayloadType: 99,
};

/** VP8 is sent in three encodings, VP9 in three spatial layers. */
export type VideoKind = "simulcast" | "svc";
export const VIDEO_PAYLOAD: Readonly<Record<VideoKind, PayloadParams>> = { simulcast: VP8, svc: VP9 };
