/** Writes the answer to the server's offer: accepts all sections, in VP8 and Opus, without bandwidth feedback. */
import { EXTENSION_URI } from "../../src/rtp/header-extensions.ts";
import type { MediaSection, SessionDescription } from "../../src/sdp/session-description.ts";
import type { LocalDescription } from "../client/session-offer.ts";

export function writeAnswer({ sections, bundle }: SessionDescription, local: LocalDescription): string {
  const lines = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${bundle.join(" ")}`,
    `a=ice-ufrag:${local.ice.ufrag}`,
    `a=ice-pwd:${local.ice.pwd}`,
    `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`,
    "a=setup:active",
    ...sections.flatMap((section) => (section.kind === null ? writeData(section) : writeMedia(section))),
  ];
  return `${lines.join("\r\n")}\r\n`;
}

function writeData({ mid }: MediaSection): string[] {
  return [
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    "a=sctp-port:5000",
  ];
}

function writeMedia({ kind, mid, direction, codecs, extensions }: MediaSection): string[] {
  const wanted = kind === "audio" ? "opus" : "VP8";
  const { payloadType, name, clockRate, channels } = codecs.find((codec) => codec.name === wanted)!;
  const rtpmap = `${name}/${clockRate}${channels > 1 ? `/${channels}` : ""}`;
  const { id } = extensions.find(({ uri }) => uri === EXTENSION_URI.mid)!;
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    direction === "sendonly" ? "a=recvonly" : "a=inactive",
    `a=extmap:${id} ${EXTENSION_URI.mid}`,
    "a=rtcp-mux",
    `a=rtpmap:${payloadType} ${rtpmap}`,
    ...(kind === "video" ? [`a=rtcp-fb:${payloadType} nack pli`] : []),
  ];
}
