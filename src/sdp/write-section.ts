/** Writes the sections of our offers and answers (RFC 8866 §5.14, RFC 9429 §5). */
import { MAX_MESSAGE_BYTES, SCTP_PORT } from "../contract/data.ts";
import type { Fingerprint, IceCredentials } from "../contract/media.ts";
import { type HostCandidate, writeCandidates } from "./ice-attributes.ts";
import type { AcceptedSection } from "./negotiate.ts";
import type { NegotiatedCodec } from "./negotiate-media.ts";
import type { PublishedStreams } from "./published-streams.ts";
import type { Direction, Msid, Setup, SsrcPair } from "./session-description.ts";

/** Our end of the transport. */
export interface LocalTransport {
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly candidates: readonly HostCandidate[];
}

/** What we send in a section. */
export interface Sender extends SsrcPair {
  readonly cname: string;
  readonly msid: Msid;
  /** Its audio is stereo. Only an offer says so: the Opus parameters of an answer are about what we receive. */
  readonly stereo?: boolean;
}

/** Fields of the `o=` line that tell the descriptions of a session apart. */
export interface DescriptionId {
  /** Numeric and, with `version`, unique (RFC 8866 §5.2). */
  readonly sessionId: number;
  /** Incremented with each of our descriptions in the session. */
  readonly version: number;
}

export interface MediaText {
  readonly media: string;
  readonly protocol: string;
  readonly mid: string;
  readonly direction: Direction;
  readonly codecs: readonly NegotiatedCodec[];
  readonly extensions: readonly { readonly id: number; readonly uri: string; readonly suffix: string }[];
  readonly extmapAllowMixed: boolean;
  readonly rtcpRsize: boolean;
  readonly published: PublishedStreams | null;
  readonly sender: Sender | undefined;
}

/** The same in all descriptions and in fragments (RFC 9725 §4.3.3). */
export const ICE_LITE_LINES: readonly string[] = ["a=ice-lite", "a=ice-options:trickle ice2"];

/** With trickled candidates the port of the `m=` line and the address of `c=` are dummies (RFC 8840 §4.1.1). */
const DUMMY_PORT = 9;
export const DUMMY_CONNECTION = "c=IN IP4 0.0.0.0";

/**
 * The session-level lines. The fingerprint is among them because Firefox 153 crashes on a bundled section without one.
 */
export function writeSessionLevel(
  { sessionId, version }: DescriptionId,
  mids: readonly string[],
  fingerprint: Fingerprint,
): string[] {
  return [
    "v=0",
    `o=- ${sessionId} ${version} IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    ...writeGroup(mids),
    ...ICE_LITE_LINES,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    "a=msid-semantic:WMS *",
  ];
}

/** The BUNDLE group; nothing without MIDs. */
export function writeGroup(mids: readonly string[]): string[] {
  return mids.length > 0 ? [`a=group:BUNDLE ${mids.join(" ")}`] : [];
}

/** The `m=` line of an accepted section. */
export function writeAcceptedLine(section: AcceptedSection): string {
  const { media, protocol } = section.offered;
  return section.kind === "application"
    ? writeDataLine(protocol)
    : writeMediaLine(media, protocol, section.codecs);
}

/** Transport attributes of the tagged section. */
export function writeTaggedTransport(local: LocalTransport, setup: Setup): string[] {
  return [...writeBundledTransport(local, setup), ...writeCandidates(local.candidates)];
}

/**
 * Transport attributes of the other sections. RFC 9143 §7.3 has none in an answer, but libwebrtc writes them, and Firefox takes
 * an ICE restart in which some sections have no new credentials for a partial restart, which it refuses.
 */
export function writeBundledTransport({ ice }: LocalTransport, setup: Setup): string[] {
  return [`a=ice-ufrag:${ice.ufrag}`, `a=ice-pwd:${ice.pwd}`, `a=setup:${setup}`];
}

export function writeMedia(text: MediaText, transport: readonly string[]): string[] {
  const { media, protocol, mid, direction, codecs, extensions, published, sender } = text;
  return [
    writeMediaLine(media, protocol, codecs),
    DUMMY_CONNECTION,
    `a=mid:${mid}`,
    ...transport,
    `a=${direction}`,
    ...(text.extmapAllowMixed ? ["a=extmap-allow-mixed"] : []),
    ...extensions.map(({ id, suffix, uri }) => `a=extmap:${id}${suffix} ${uri}`),
    "a=rtcp-mux",
    ...(text.rtcpRsize ? ["a=rtcp-rsize"] : []),
    ...codecs.flatMap(writeCodec),
    ...(published === null ? [] : writeSimulcast(published)),
    ...(sender === undefined ? [] : writeSender(sender, codecs)),
  ];
}

export function writeData(mid: string, protocol: string, transport: readonly string[]): string[] {
  return [
    writeDataLine(protocol),
    DUMMY_CONNECTION,
    `a=mid:${mid}`,
    ...transport,
    `a=sctp-port:${SCTP_PORT}`,
    `a=max-message-size:${MAX_MESSAGE_BYTES}`,
  ];
}

export function toText(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n`;
}

function writeMediaLine(media: string, protocol: string, codecs: readonly NegotiatedCodec[]): string {
  const payloadTypes = codecs.flatMap(({ payload }) =>
    [payload.payloadType, payload.rtxPayloadType ?? []].flat(),
  );
  return `m=${media} ${DUMMY_PORT} ${protocol} ${payloadTypes.join(" ")}`;
}

function writeDataLine(protocol: string): string {
  return `m=application ${DUMMY_PORT} ${protocol} webrtc-datachannel`;
}

function writeCodec({ payload, rtpmap, fmtp, feedback }: NegotiatedCodec): string[] {
  const { payloadType, clockRate, rtxPayloadType } = payload;
  return [
    `a=rtpmap:${payloadType} ${rtpmap}`,
    ...(fmtp === "" ? [] : [`a=fmtp:${payloadType} ${fmtp}`]),
    ...feedback.map((value) => `a=rtcp-fb:${payloadType} ${value}`),
    ...(rtxPayloadType === undefined
      ? []
      : [`a=rtpmap:${rtxPayloadType} rtx/${clockRate}`, `a=fmtp:${rtxPayloadType} apt=${payloadType}`]),
  ];
}

/** A stream that is paused in the offer stays paused (RFC 8853 §5.3.2). */
function writeSimulcast({ rids, simulcast }: PublishedStreams): string[] {
  if (simulcast.length === 0) return [];
  const streams = simulcast.map(({ rid, paused }) => (paused ? `~${rid}` : rid));
  return [
    ...rids.map(({ id, restrictions }) => `a=rid:${id} recv ${restrictions.join(";")}`.trimEnd()),
    `a=simulcast:recv ${streams.join(";")}`,
  ];
}

function writeSender({ ssrc, rtxSsrc, cname, msid }: Sender, codecs: readonly NegotiatedCodec[]): string[] {
  const hasRtx = rtxSsrc !== 0 && codecs.some(({ payload }) => payload.rtxPayloadType !== undefined);
  const ssrcs = hasRtx ? [ssrc, rtxSsrc] : [ssrc];
  return [
    `a=msid:${msid.streamId} ${msid.trackId}`,
    ...(ssrcs.length > 1 ? [`a=ssrc-group:FID ${ssrcs.join(" ")}`] : []),
    ...ssrcs.map((one) => `a=ssrc:${one} cname:${cname}`),
  ];
}
