/** Negotiates the codecs of one media section: payload types, RTX, format parameters and RTCP feedback. */
import type { CodecName, MediaKind } from "../base/codec.ts";
import type { PayloadParams } from "../contract/media.ts";
import { EXTENSION_URI } from "../rtp/header-extensions.ts";
import { formatParameters, routedCodec } from "./codecs.ts";
import { h264Step, RARE_STEP } from "./h264-profile.ts";
import type { Flow } from "./rtp-extensions.ts";
import type { Direction, MediaSection, OfferedCodec } from "./session-description.ts";

/** Which way media flows in a section; `none`: inactive for now. */
export type Use = Flow | "none";

export interface NegotiatedCodec {
  readonly payload: PayloadParams;
  /** `<name>/<clock rate>[/<channels>]` for `a=rtpmap`. */
  readonly rtpmap: string;
  /** Empty for none. */
  readonly fmtp: string;
  readonly feedback: readonly string[];
}

/** What we ask of the peer's encoder. */
export interface CodecPreference {
  /** Put first: a browser sends the first codec of an answer. */
  readonly codec?: CodecName;
  /** Replaces the offer's parameters, which describe the peer's decoder. */
  readonly opus?: { readonly stereo: boolean; readonly dtx: boolean };
}

/** Bandwidth feedback: arrival times of all packets, from which the sender estimates; or the receiver's own estimate. */
const TRANSPORT_CC = "transport-cc";
const REMB = "goog-remb";

/** RTCP feedback that we send to publishers, and that we understand from subscribers (RFC 4585, RFC 5104). */
const FEEDBACK: Readonly<Record<Use, readonly string[]>> = {
  up: ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB],
  down: ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB],
  none: [],
};

/** Directions of an offer (the offerer's) that allow a use. */
export const OFFERS: Readonly<Record<Use, readonly Direction[]>> = {
  up: ["sendrecv", "sendonly"],
  down: ["sendrecv", "recvonly"],
  none: ["sendrecv", "sendonly", "recvonly", "inactive"],
};

/**
 * The codecs that we route, in the offer's order, because the choice is the client's; but the preferred codec comes first, and
 * among the profiles of H264 from a publisher those that more receivers can decode.
 */
export function negotiateCodecs(
  offered: MediaSection,
  kind: MediaKind,
  use: Use,
  preference: CodecPreference = {},
): NegotiatedCodec[] {
  const rtxPayloadTypes = rtxByPayloadType(offered.codecs);
  const timing = {
    numbered: offered.extensions.some(({ uri }) => uri === EXTENSION_URI.transportCc),
    timed: offered.extensions.some(({ uri }) => uri === EXTENSION_URI.absSendTime),
  };
  const codecs: NegotiatedCodec[] = [];
  for (const codec of offered.codecs) {
    const routed = routedCodec(kind, codec);
    if (routed === undefined || !isRtpPayloadType(codec.payloadType)) continue;
    if (use === "up" && h264Step(routed.profile) === RARE_STEP) continue;
    const rtxPayloadType = rtxPayloadTypes.get(codec.payloadType);
    codecs.push({
      payload: {
        payloadType: codec.payloadType,
        codec: routed.codec,
        clockRate: codec.clockRate,
        profile: routed.profile,
        ...(rtxPayloadType !== undefined && { rtxPayloadType }),
      },
      rtpmap: `${routed.codec}/${codec.clockRate}${codec.channels > 1 ? `/${codec.channels}` : ""}`,
      fmtp:
        preference.opus !== undefined && routed.codec === "opus"
          ? opusParameters(preference.opus)
          : routed.fmtp,
      feedback: negotiateFeedback(codec, use, timing),
    });
  }
  const ordered = use === "up" ? widestFirst(codecs) : codecs;
  const isPreferred = ({ payload }: NegotiatedCodec): boolean => payload.codec === preference.codec;
  return [...ordered.filter(isPreferred), ...ordered.filter((codec) => !isPreferred(codec))];
}

/** Sorts the H264 payloads among their own places, those that more receivers can decode first. */
function widestFirst(codecs: readonly NegotiatedCodec[]): NegotiatedCodec[] {
  const stepOf = ({ payload }: NegotiatedCodec): number => h264Step(payload.profile)!;
  const isH264 = ({ payload }: NegotiatedCodec): boolean => payload.codec === "H264";
  const sorted = codecs.filter(isH264).toSorted((a, b) => stepOf(a) - stepOf(b));
  return codecs.map((codec) => (isH264(codec) ? sorted.shift()! : codec));
}

/** Whether packets of a section carry transport-wide numbers, and abs-send-time. */
interface Timing {
  readonly numbered: boolean;
  readonly timed: boolean;
}

/**
 * One kind of bandwidth feedback is enough, and transport-wide tells more. For a publisher we estimate ourselves (REMB) only
 * where its packets are not numbered, and from abs-send-time.
 */
function negotiateFeedback({ feedback }: OfferedCodec, use: Use, { numbered, timed }: Timing): string[] {
  const estimates = use === "up" ? !numbered && timed : !(numbered && feedback.has(TRANSPORT_CC));
  const useless = [...(numbered ? [] : [TRANSPORT_CC]), ...(estimates ? [] : [REMB])];
  return FEEDBACK[use].filter((value) => feedback.has(value) && !useless.includes(value));
}

/** `a=rtcp-fb` of our offers. Audio is not retransmitted. */
export function offeredFeedback(kind: MediaKind): readonly string[] {
  return kind === "video" ? FEEDBACK.down.filter((value) => value !== REMB) : [TRANSPORT_CC];
}

/** The highest `maxaveragebitrate` of RFC 7587 §6.1: the publisher chooses within it. */
const OPUS_MAX_AVERAGE_BPS = 510_000;

/** As the receiver, we state here what the sender should do (RFC 7587 §6.1). */
function opusParameters({ stereo, dtx }: { readonly stereo: boolean; readonly dtx: boolean }): string {
  const parameters = ["minptime=10", "useinbandfec=1"];
  if (dtx) parameters.push("usedtx=1");
  if (stereo) parameters.push("stereo=1", `maxaveragebitrate=${OPUS_MAX_AVERAGE_BPS}`);
  return parameters.join(";");
}

/** RTX payload type by primary payload type: `a=fmtp:<rtx> apt=<primary>` (RFC 4588 §8.6). */
function rtxByPayloadType(codecs: readonly OfferedCodec[]): ReadonlyMap<number, number> {
  const rtx = new Map<number, number>();
  for (const { name, payloadType, fmtp } of codecs) {
    if (name.toLowerCase() !== "rtx" || !isRtpPayloadType(payloadType)) continue;
    const repaired = Number(formatParameters(fmtp).get("apt") ?? Number.NaN);
    if (!rtx.has(repaired)) rtx.set(repaired, payloadType);
  }
  return rtx;
}

/** With rtcp-mux, 64 to 95 cannot be told from RTCP (RFC 5761 §4). */
function isRtpPayloadType(payloadType: number): boolean {
  return payloadType < 64 || payloadType > 95;
}
