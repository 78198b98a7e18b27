/**
 * From an offer to what both sides will do (RFC 3264, RFC 9429 §5.3.1): facts about the transport, and for each media
 * section whether and how media flows in it. Pure; `write.ts` puts the outcome into words.
 */
import type { MediaKind } from "../base/codec.ts";
import type { ExtensionIds, Fingerprint, IceCredentials, PayloadParams } from "../contract/media.ts";
import { formatParameters, routedCodec } from "./codecs.ts";
import { acceptStreams, type PublishedStreams } from "./published-streams.ts";
import { acceptsExtension, type Flow, TRANSPORT_WIDE_CC } from "./rtp-extensions.ts";
import type {
  Direction,
  MediaSection,
  OfferedCodec,
  OfferedExtension,
  SessionDescription,
} from "./session-description.ts";

/** What a media thread has to know of the peer. */
export interface TransportFacts {
  readonly remoteIce: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly extensions: ExtensionIds;
}

export interface NegotiatedCodec {
  readonly payload: PayloadParams;
  /** `<name>/<clock rate>[/<channels>]` for `a=rtpmap`. */
  readonly rtpmap: string;
  /** Empty for none. */
  readonly fmtp: string;
  readonly feedback: readonly string[];
}

export interface AcceptedSection {
  readonly accepted: true;
  readonly offered: MediaSection;
  readonly kind: MediaKind;
  readonly mid: string;
  readonly flow: Flow;
  readonly codecs: readonly NegotiatedCodec[];
  readonly extensions: readonly OfferedExtension[];
  /** What the peer sends; null when media flows down. */
  readonly published: PublishedStreams | null;
}

/** Answered with port 0. */
export interface RejectedSection {
  readonly accepted: false;
  readonly offered: MediaSection;
  /** A sentence for the author of the client. */
  readonly reason: string;
}

export type SectionOutcome = AcceptedSection | RejectedSection;

export interface NegotiationOutcome {
  readonly transport: TransportFacts;
  /** As many as the offer has, in its order. */
  readonly sections: readonly SectionOutcome[];
  /** The BUNDLE group of the answer: accepted sections in the offer's order. The first is the tagged one. */
  readonly bundle: Bundle;
}

export type Bundle = readonly [tagged: AcceptedSection, ...others: AcceptedSection[]];

/** Arrival times of all packets, from which the sender estimates; or the receiver's own estimate. */
const TRANSPORT_CC = "transport-cc";
const REMB = "goog-remb";

export type Negotiation =
  | { readonly ok: true; readonly outcome: NegotiationOutcome }
  | { readonly ok: false; readonly error: string };

/** Feedback that we send to publishers, and that we understand from subscribers (RFC 4585, RFC 5104). */
const FEEDBACK: Readonly<Record<Flow, readonly string[]>> = {
  up: ["nack", "nack pli", "ccm fir", TRANSPORT_CC],
  down: ["nack", "nack pli", "ccm fir", TRANSPORT_CC, REMB],
};

/** Directions of an offer, seen from the offerer, with which media can flow. */
const OFFERS: Readonly<Record<Flow, readonly Direction[]>> = {
  up: ["sendrecv", "sendonly"],
  down: ["sendrecv", "recvonly"],
};

/** The largest id in a one-byte header (RFC 8285 §4.2). Beyond, streams need headers that may be mixed. */
const MAX_ONE_BYTE_ID = 14;

/** `flowOf` says which way media of a section is to flow; a section whose direction does not allow it is rejected. */
export function negotiate(offer: SessionDescription, flowOf: (section: MediaSection) => Flow): Negotiation {
  const fail = (error: string): Negotiation => ({ ok: false, error });
  const sections = offer.sections.map((section) => negotiateSection(section, flowOf(section), offer.bundle));
  const accepted = sections.filter((section) => section.accepted);
  const [tagged, ...others] = offer.bundle.flatMap((name) => accepted.filter(({ mid }) => mid === name));
  if (tagged === undefined) return fail(reasonOfAll(sections));
  const { ice, fingerprints, setup } = describingSection(offer, tagged);
  if (ice === null) return fail("a=ice-ufrag and a=ice-pwd are needed");
  if (fingerprints.length === 0) return fail("a=fingerprint with sha-256, sha-384 or sha-512 is needed");
  if (setup !== "actpass" && setup !== "active") return fail("a=setup must be actpass or active");
  const bundle = [tagged, ...others] as const;
  const extensions = mergeExtensions(bundle);
  if (extensions === undefined) return fail("a header extension has two ids, or an id stands for two");
  return { ok: true, outcome: { transport: { remoteIce: ice, fingerprints, extensions }, sections, bundle } };
}

function reasonOfAll(sections: readonly SectionOutcome[]): string {
  return sections.find((section) => !section.accepted)?.reason ?? "there is no media section";
}

/**
 * The section that describes the transport of the whole group: the one that the answer tags, or the offer's own tagged
 * section when that one is `bundle-only` and says nothing (RFC 9143 §7.1, §7.3).
 */
function describingSection(
  { sections, bundle }: SessionDescription,
  { offered }: AcceptedSection,
): MediaSection {
  const taggedByOffer = sections.find(({ mid }) => mid === bundle[0]);
  return offered.ice === null && taggedByOffer !== undefined ? taggedByOffer : offered;
}

function negotiateSection(offered: MediaSection, flow: Flow, bundle: readonly string[]): SectionOutcome {
  const reject = (reason: string): RejectedSection => ({ accepted: false, offered, reason });
  const { kind, mid } = offered;
  if (offered.rejected) return reject("the section has port 0");
  if (kind === null) return reject(`m=${offered.media} is not supported`);
  if (!/^(?:(?:UDP|TCP)\/(?:TLS|DTLS)\/)?RTP\/SAVPF?$/.test(offered.protocol)) {
    return reject(`${offered.protocol} is not supported`);
  }
  if (mid === "" || !bundle.includes(mid)) return reject("the section is not in the BUNDLE group");
  if (!offered.rtcpMux) return reject("a=rtcp-mux is needed");
  if (!OFFERS[flow].includes(offered.direction)) return reject(`a=${offered.direction} does not fit here`);
  const codecs = negotiateCodecs(offered, kind, flow);
  if (codecs.length === 0) return reject("no codec of the section is supported");
  const payloadTypes = new Set(codecs.map(({ payload }) => payload.payloadType));
  return {
    accepted: true,
    offered,
    kind,
    mid,
    flow,
    codecs,
    extensions: offered.extensions.filter((extension) => isAccepted(extension, flow, offered)),
    published: flow === "up" ? acceptStreams(offered, payloadTypes) : null,
  };
}

/** In the offer's order: which codec is used is the client's choice. */
function negotiateCodecs(offered: MediaSection, kind: MediaKind, flow: Flow): NegotiatedCodec[] {
  const rtxPayloadTypes = rtxByPayloadType(offered.codecs);
  const hasExtension = offered.extensions.some(({ uri }) => uri === TRANSPORT_WIDE_CC);
  const codecs: NegotiatedCodec[] = [];
  for (const codec of offered.codecs) {
    const routed = routedCodec(kind, codec);
    if (routed === undefined || !isRtpPayloadType(codec.payloadType)) continue;
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
      fmtp: routed.fmtp,
      feedback: negotiateFeedback(codec, flow, hasExtension),
    });
  }
  return codecs;
}

/** One kind of bandwidth feedback is enough: of the two, transport-wide tells more. */
function negotiateFeedback({ feedback }: OfferedCodec, flow: Flow, hasExtension: boolean): string[] {
  const useless = hasExtension && feedback.has(TRANSPORT_CC) ? REMB : TRANSPORT_CC;
  return FEEDBACK[flow].filter((value) => feedback.has(value) && value !== useless);
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

function isAccepted({ id, uri, direction }: OfferedExtension, flow: Flow, offered: MediaSection): boolean {
  if (id > MAX_ONE_BYTE_ID && !offered.extmapAllowMixed) return false;
  return acceptsExtension(flow, uri) && OFFERS[flow].includes(direction);
}

/** One map for the transport; undefined when an id means two things, or one extension has two ids (RFC 9143 §10). */
function mergeExtensions(sections: readonly AcceptedSection[]): ExtensionIds | undefined {
  const ids = new Map<string, number>();
  const uris = new Map<number, string>();
  for (const { id, uri } of sections.flatMap(({ extensions }) => extensions)) {
    if ((ids.get(uri) ?? id) !== id || (uris.get(id) ?? uri) !== uri) return undefined;
    ids.set(uri, id);
    uris.set(id, uri);
  }
  return Object.fromEntries(ids);
}
