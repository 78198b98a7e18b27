/**
 * Puts an answer into words (RFC 9429 §5.3): a lite ICE agent and DTLS server with one transport for all sections.
 *
 * What concerns the transport stands in the tagged section only, as BUNDLE wants it (RFC 9143 §7.3); but the
 * fingerprint stands above all sections, because Firefox 153 crashes on a bundled section for which there is none.
 */
import type { Fingerprint, IceCredentials } from "../contract/media.ts";
import { type HostCandidate, writeCandidates } from "./ice-attributes.ts";
import type {
  AcceptedSection,
  Bundle,
  NegotiatedCodec,
  NegotiationOutcome,
  RejectedSection,
} from "./negotiate.ts";
import type { PublishedStreams } from "./published-streams.ts";
import type { Direction, Msid, OfferedExtension, SsrcPair } from "./session-description.ts";

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
}

export interface AnswerParams {
  /** Numeric and, with `version`, unique (RFC 8866 §5.2). */
  readonly sessionId: number;
  /** Grows by one with each answer of a session. */
  readonly version: number;
  readonly local: LocalTransport;
  readonly outcome: NegotiationOutcome;
  /** By MID. A section whose media flows down is inactive without one. */
  readonly senders: ReadonlyMap<string, Sender>;
}

/** The same in answers and in fragments (RFC 9725 §4.3.3). */
export const ICE_LITE_LINES: readonly string[] = ["a=ice-lite", "a=ice-options:trickle ice2"];

/** Where the transport is known from candidates, port and address of the `m=` line say nothing (RFC 8840 §4.1.1). */
const DUMMY_PORT = 9;
const DUMMY_CONNECTION = "c=IN IP4 0.0.0.0";

export function writeAnswer({ sessionId, version, local, outcome, senders }: AnswerParams): string {
  const { sections, bundle } = outcome;
  const lines = [
    "v=0",
    `o=- ${sessionId} ${version} IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    writeBundle(bundle),
    ...ICE_LITE_LINES,
    `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`,
    "a=msid-semantic:WMS *",
  ];
  for (const section of sections) {
    if (section.accepted) {
      const transport = section === bundle[0] ? writeTransport(local) : [];
      lines.push(...writeAccepted(section, transport, senders.get(section.mid)));
    } else lines.push(...writeRejected(section));
  }
  return toText(lines);
}

export function writeBundle(bundle: Bundle): string {
  return `a=group:${["BUNDLE", ...bundle.map(({ mid }) => mid)].join(" ")}`;
}

/** The `m=` line of an accepted section. */
export function writeMediaLine({ offered, codecs }: AcceptedSection): string {
  const payloadTypes = codecs.flatMap(({ payload }) =>
    [payload.payloadType, payload.rtxPayloadType ?? []].flat(),
  );
  return `m=${offered.media} ${DUMMY_PORT} ${offered.protocol} ${payloadTypes.join(" ")}`;
}

export function toText(lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n`;
}

function writeRejected({ offered }: RejectedSection): string[] {
  const { media, protocol, formats, mid } = offered;
  const line = `m=${media} 0 ${protocol} ${formats.join(" ")}`;
  return [line, DUMMY_CONNECTION, ...(mid === "" ? [] : [`a=mid:${mid}`]), "a=inactive"];
}

function writeTransport({ ice, candidates }: LocalTransport): string[] {
  return [
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.pwd}`,
    "a=setup:passive",
    ...writeCandidates(candidates),
  ];
}

function writeAccepted(section: AcceptedSection, transport: string[], sender: Sender | undefined): string[] {
  const { offered, mid, flow, codecs, extensions, published } = section;
  const downDirection: Direction = sender === undefined ? "inactive" : "sendonly";
  return [
    writeMediaLine(section),
    DUMMY_CONNECTION,
    `a=mid:${mid}`,
    ...transport,
    `a=${flow === "up" ? "recvonly" : downDirection}`,
    ...(offered.extmapAllowMixed ? ["a=extmap-allow-mixed"] : []),
    ...extensions.map(writeExtension),
    "a=rtcp-mux",
    ...(offered.rtcpRsize ? ["a=rtcp-rsize"] : []),
    ...codecs.flatMap(writeCodec),
    ...(published === null ? [] : writeSimulcast(published)),
    ...(sender === undefined ? [] : writeSender(sender)),
  ];
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

/** A direction is the offerer's, so it is answered with its opposite (RFC 8285 §8). */
function writeExtension({ id, uri, direction }: OfferedExtension): string {
  const opposite = { sendrecv: "", sendonly: "/recvonly", recvonly: "/sendonly", inactive: "/inactive" };
  return `a=extmap:${id}${opposite[direction]} ${uri}`;
}

/** A stream that the offer pauses stays paused (RFC 8853 §5.3.2). */
function writeSimulcast({ rids, simulcast }: PublishedStreams): string[] {
  if (simulcast.length === 0) return [];
  const streams = simulcast.map(({ rid, paused }) => (paused ? `~${rid}` : rid));
  return [
    ...rids.map(({ id, restrictions }) => `a=rid:${id} recv ${restrictions.join(";")}`.trimEnd()),
    `a=simulcast:recv ${streams.join(";")}`,
  ];
}

function writeSender({ ssrc, rtxSsrc, cname, msid }: Sender): string[] {
  const ssrcs = rtxSsrc === 0 ? [ssrc] : [ssrc, rtxSsrc];
  return [
    `a=msid:${msid.streamId} ${msid.trackId}`,
    ...(ssrcs.length > 1 ? [`a=ssrc-group:FID ${ssrcs.join(" ")}`] : []),
    ...ssrcs.map((one) => `a=ssrc:${one} cname:${cname}`),
  ];
}
