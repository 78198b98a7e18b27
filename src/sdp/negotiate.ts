/**
 * Negotiates an offer (RFC 3264, RFC 9429 §5.3.1): the peer's transport parameters, and for each section whether and how media
 * or data flows in it. `write-answer.ts` writes the outcome as SDP.
 *
 * The answer to an offer of ours is read in the same way: it says which of our sections and codecs the peer accepts.
 */
import type { MediaKind } from "../base/codec.ts";
import type { ExtensionIds, Fingerprint, IceCredentials } from "../contract/media.ts";
import {
  type CodecPreference,
  type NegotiatedCodec,
  negotiateCodecs,
  OFFERS,
  type Use,
} from "./negotiate-media.ts";
import { acceptStreams, type PublishedStreams } from "./published-streams.ts";
import { acceptsExtension } from "./rtp-extensions.ts";
import type { MediaSection, OfferedExtension, SessionDescription } from "./session-description.ts";

/** What a media thread has to know of the peer's end. */
export interface TransportFacts {
  readonly remoteIce: IceCredentials;
  readonly fingerprints: readonly Fingerprint[];
  readonly extensions: ExtensionIds;
}

export interface AcceptedMedia {
  readonly accepted: true;
  readonly offered: MediaSection;
  readonly kind: MediaKind;
  readonly mid: string;
  readonly use: Use;
  readonly codecs: readonly NegotiatedCodec[];
  readonly extensions: readonly OfferedExtension[];
  /** What the peer sends; null unless media flows up. */
  readonly published: PublishedStreams | null;
}

/** Data channels over SCTP (RFC 8841). */
export interface AcceptedData {
  readonly accepted: true;
  readonly offered: MediaSection;
  readonly kind: "application";
  readonly mid: string;
  readonly sctpPort: number;
  readonly maxMessageBytes: number;
}

/** Answered with port 0. */
export interface RejectedSection {
  readonly accepted: false;
  readonly offered: MediaSection;
  /** A sentence for the author of the client. */
  readonly reason: string;
}

export type AcceptedSection = AcceptedMedia | AcceptedData;
export type SectionOutcome = AcceptedSection | RejectedSection;

export interface NegotiationOutcome {
  readonly transport: TransportFacts;
  /** One for each section of the offer, in its order. */
  readonly sections: readonly SectionOutcome[];
  /** Accepted sections in the offer's order. */
  readonly bundle: Bundle;
  /** Their MIDs, for the BUNDLE group of the answer; empty where the offer has none (RFC 9143 §7.3). */
  readonly group: readonly string[];
  /** The media sections of `bundle`. */
  readonly media: readonly AcceptedMedia[];
  /** The section for data channels; of several, the first. */
  readonly data: AcceptedData | null;
}

/** The tagged section carries the transport of all (RFC 9143 §7). */
export type Bundle = readonly [tagged: AcceptedSection, ...others: AcceptedSection[]];

export type Negotiation =
  | { readonly ok: true; readonly outcome: NegotiationOutcome }
  | { readonly ok: false; readonly error: string };

/** What the server wants of the sections of an offer. */
export interface NegotiationPolicy {
  /** Which way media of a section flows; a section whose direction does not allow that is rejected. */
  readonly useOf: (section: MediaSection) => Use;
  /** Whether data channels are accepted. */
  readonly data: boolean;
  /** For a section on which the peer sends. */
  readonly preferenceFor?: (section: MediaSection) => CodecPreference | undefined;
}

/** The largest id of the one-byte form (RFC 8285 §4.2). Larger ids need `a=extmap-allow-mixed`. */
const MAX_ONE_BYTE_ID = 14;

export function negotiate(offer: SessionDescription, policy: NegotiationPolicy): Negotiation {
  const fail = (error: string): Negotiation => ({ ok: false, error });
  const together = sharingTransport(offer);
  const extensions = new Map<string, number>();
  const sections = offer.sections.map((section) => {
    const outcome = negotiateSection(section, policy, together, extensions);
    if (outcome.accepted && outcome.kind !== "application") {
      for (const { uri, id } of outcome.extensions) extensions.set(uri, id);
    }
    return outcome;
  });
  const accepted = sections.filter((section) => section.accepted);
  const [tagged, ...others] = together.flatMap((name) => accepted.filter(({ mid }) => mid === name));
  if (tagged === undefined) return fail(reasonOfAll(sections));
  const { ice, fingerprints, setup } = describingSection(offer, tagged);
  if (ice === null) return fail("a=ice-ufrag and a=ice-pwd are needed");
  if (fingerprints.length === 0) return fail("a=fingerprint with sha-256, sha-384 or sha-512 is needed");
  if (setup !== "actpass" && setup !== "active") return fail("a=setup must be actpass or active");
  const bundle = [tagged, ...others] as const;
  const group = offer.bundle.length === 0 ? [] : bundle.map(({ mid }) => mid);
  const media = bundle.filter((section) => section.kind !== "application");
  const data = bundle.find((section) => section.kind === "application") ?? null;
  const transport = { remoteIce: ice, fingerprints, extensions: Object.fromEntries(extensions) };
  return { ok: true, outcome: { transport, sections, bundle, group, media, data } };
}

/** MIDs of the sections that have one transport: the BUNDLE group, or a section that is alone (RFC 9429 §4.1.1). */
function sharingTransport({ sections, bundle }: SessionDescription): readonly string[] {
  return bundle.length === 0 && sections.length === 1 ? sections.map(({ mid }) => mid) : bundle;
}

function reasonOfAll(sections: readonly SectionOutcome[]): string {
  return sections.find((section) => !section.accepted)?.reason ?? "there is no media section";
}

/**
 * The section with the transport attributes of the group: the one that the answer tags, or the offer's own tagged section when
 * the former is `bundle-only` and has none (RFC 9143 §7.1, §7.3).
 */
function describingSection(
  { sections, bundle }: SessionDescription,
  { offered }: AcceptedSection,
): MediaSection {
  const taggedByOffer = sections.find(({ mid }) => mid === bundle[0]);
  return offered.ice === null && taggedByOffer !== undefined ? taggedByOffer : offered;
}

/** `taken`: the ids of header extensions in earlier sections, by URI. */
function negotiateSection(
  offered: MediaSection,
  policy: NegotiationPolicy,
  together: readonly string[],
  taken: ReadonlyMap<string, number>,
): SectionOutcome {
  const reject = (reason: string): RejectedSection => ({ accepted: false, offered, reason });
  const { kind, media, mid, protocol } = offered;
  const isData = media === "application" && policy.data;
  if (offered.rejected) return reject("the section has port 0");
  if (kind === null && !isData) return reject(`m=${media} is not supported`);
  if (!(isData ? DATA_PROTOCOL : MEDIA_PROTOCOL).test(protocol))
    return reject(`${protocol} is not supported`);
  if (mid === "") return reject("a=mid is needed");
  if (!together.includes(mid)) return reject(NOT_BUNDLED);
  if (kind !== null) return negotiateMedia(offered, kind, policy, taken);
  const { sctpPort, maxMessageBytes } = offered;
  if (sctpPort === null) return reject("a=sctp-port is needed");
  return { accepted: true, offered, kind: "application", mid, sctpPort, maxMessageBytes };
}

const NOT_BUNDLED = "a=group:BUNDLE must name all sections, as it does with the bundle policy max-bundle";

const MEDIA_PROTOCOL = /^(?:(?:UDP|TCP)\/(?:TLS|DTLS)\/)?RTP\/SAVPF?$/;
const DATA_PROTOCOL = /^(?:UDP|TCP)\/DTLS\/SCTP$/;

function negotiateMedia(
  offered: MediaSection,
  kind: MediaKind,
  policy: NegotiationPolicy,
  taken: ReadonlyMap<string, number>,
): SectionOutcome {
  const reject = (reason: string): RejectedSection => ({ accepted: false, offered, reason });
  const use = policy.useOf(offered);
  if (!offered.rtcpMux) return reject("a=rtcp-mux is needed");
  if (!OFFERS[use].includes(offered.direction)) return reject(`a=${offered.direction} does not fit here`);
  const preference = use === "up" ? policy.preferenceFor?.(offered) : undefined;
  const extensions = negotiateExtensions(offered, use, taken);
  const codecs = negotiateCodecs({ ...offered, extensions }, kind, use, preference);
  if (codecs.length === 0) return reject("no codec of the section is supported");
  const payloadTypes = new Set(codecs.map(({ payload }) => payload.payloadType));
  return {
    accepted: true,
    offered,
    kind,
    mid: offered.mid,
    use,
    codecs,
    extensions,
    published: use === "up" ? acceptStreams(offered, payloadTypes) : null,
  };
}

function isAccepted({ id, uri, direction }: OfferedExtension, use: Use, offered: MediaSection): boolean {
  if (id > MAX_ONE_BYTE_ID && !offered.extmapAllowMixed) return false;
  return acceptsExtension(uri) && direction !== "inactive" && OFFERS[use].includes(direction);
}

/**
 * One map for the transport: an id must mean the same in all sections (RFC 9143 §12). aiortc before 1.6 offers
 * otherwise, which Chromium refuses: the first section counts, and the answer leaves out what contradicts it.
 */
function negotiateExtensions(
  offered: MediaSection,
  use: Use,
  taken: ReadonlyMap<string, number>,
): OfferedExtension[] {
  const ids = new Map(taken);
  const uris = new Map([...taken].map(([uri, id]) => [id, uri]));
  return offered.extensions.filter((extension) => {
    const { id, uri } = extension;
    if (!isAccepted(extension, use, offered)) return false;
    if ((ids.get(uri) ?? id) !== id || (uris.get(id) ?? uri) !== uri) return false;
    ids.set(uri, id);
    uris.set(id, uri);
    return true;
  });
}
