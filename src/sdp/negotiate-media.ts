/** The codecs of one media section: which of those offered we route, how they are repaired, what is said of them. */
import type { CodecName, MediaKind } from "../base/codec.ts";
import type { PayloadParams } from "../contract/media.ts";
import { EXTENSION_URI } from "../rtp/header-extensions.ts";
import { formatParameters, routedCodec } from "./codecs.ts";
import { h264Step, RARE_STEP } from "./h264-profile.ts";
import type { Flow } from "./rtp-extensions.ts";
import type { Direction, MediaSection, OfferedCodec } from "./session-description.ts";

/** What becomes of a section. `none`: nothing flows in it for now. */
export type Use = Flow | "none";

export interface NegotiatedCodec {
  readonly payload: PayloadParams;
  /** `<name>/<clock rate>[/<channels>]` for `a=rtpmap`. */
  readonly rtpmap: string;
  /** Empty for none. */
  readonly fmtp: string;
  readonly feedback: readonly string[];
}

/** What we ask of the peer's encoder; a browser sends the first codec of an answer. */
export interface CodecPreference {
  readonly codec?: CodecName;
  /** Instead of the parameters that the offer has: those are what the peer's decoder can take. */
  readonly opus?: { readonly stereo: boolean; readonly dtx: boolean };
}

/** Arrival times of all packets, from which the sender estimates; or the receiver's own estimate. */
const TRANSPORT_CC = "transport-cc";
const REMB = "goog-remb";

/** Feedback that we send to publishers, and that we understand from subscribers (RFC 4585, RFC 5104). */
const FEEDBACK: Readonly<Record<Use, readonly string[]>> = {
  up: ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB],
  down: ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB],
  none: [],
};

/** Directions of an offer, seen from the offerer, that allow a use. */
export const OFFERS: Readonly<Record<Use, readonly Direction[]>> = {
  up: ["sendrecv", "sendonly"],
  down: ["sendrecv", "recvonly"],
  none: ["sendrecv", "sendonly", "recvonly", "inactive"],
};

/**
 * In the offer's order, for which codec is used is the client's choice, but what is preferred comes first. Which profile of
 * H264 a publisher sends is everybody's concern: that which the most can decode comes before the others.
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

/** The forms of H264 among the places that they have, by how many can decode them. */
function widestFirst(codecs: readonly NegotiatedCodec[]): NegotiatedCodec[] {
  const stepOf = ({ payload }: NegotiatedCodec): number => h264Step(payload.profile)!;
  const isH264 = ({ payload }: NegotiatedCodec): boolean => payload.codec === "H264";
  const sorted = codecs.filter(isH264).toSorted((a, b) => stepOf(a) - stepOf(b));
  return codecs.map((codec) => (isH264(codec) ? sorted.shift()! : codec));
}

/** What packets of a section carry: transport-wide numbers, and the time they were sent. */
interface Timing {
  readonly numbered: boolean;
  readonly timed: boolean;
}

/**
 * One kind of bandwidth feedback is enough: of the two, transport-wide tells more. Our own estimate for a publisher is made
 * of sending times, and only where its packets are not numbered.
 */
function negotiateFeedback({ feedback }: OfferedCodec, use: Use, { numbered, timed }: Timing): string[] {
  const estimates = use === "up" ? !numbered && timed : !(numbered && feedback.has(TRANSPORT_CC));
  const useless = [...(numbered ? [] : [TRANSPORT_CC]), ...(estimates ? [] : [REMB])];
  return FEEDBACK[use].filter((value) => feedback.has(value) && !useless.includes(value));
}

/** What an offer of ours asks of a receiver; sound is not repaired. */
export function offeredFeedback(kind: MediaKind): readonly string[] {
  return kind === "video" ? FEEDBACK.down.filter((value) => value !== REMB) : [TRANSPORT_CC];
}

/** The highest average bitrate that the format allows (RFC 7587 §6.1): what is used of it is the publisher's choice. */
const OPUS_MAX_AVERAGE_BPS = 510_000;

/** RFC 7587 §6.1: what a receiver says here is what a sender should do. */
function opusParameters({ stereo, dtx }: { readonly stereo: boolean; readonly dtx: boolean }): string {
  const parameters = ["minptime=10", "useinbandfec=1"];
  if (dtx) parameters.push("usedtx=1");
  if (stereo) parameters.push("stereo=1", `maxaveragebitrate=${OPUS_MAX_AVERAGE_BPS}`);
  return parameters.join(";");
}

/** Retransmission payload types by the one they repair: `a=fmtp:<rtx> apt=<primary>` (RFC 4588 §8.6). */
function rtxByPayloadType(codecs: readonly OfferedCodec[]): ReadonlyMap<number, number> {
  const rtx = new Map<number, number>();
  for (const { name, payloadType, fmtp } of codecs) {
    if (name.toLowerCase() !== "rtx" || !isRtpPayloadType(payloadType)) continue;
    const repaired = Number(formatParameters(fmtp).get("apt") ?? Number.NaN);
    if (!rtx.has(repaired)) rtx.set(repaired, payloadType);
  }
  return rtx;
}

/** 64 to 95 look like RTCP when both share a port (RFC 5761 §4). */
function isRtpPayloadType(payloadType: number): boolean {
  return payloadType < 64 || payloadType > 95;
}
