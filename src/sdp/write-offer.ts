/**
 * Writes an offer (RFC 9429 §5.2), for peers to which the server offers: sections in which we send, with every codec that we
 * route. The answer is read by `negotiate()`.
 */
import type { MediaKind } from "../base/codec.ts";
import { type NegotiatedCodec, offeredFeedback } from "./negotiate-media.ts";
import { offeredExtensions } from "./rtp-extensions.ts";
import {
  type DescriptionId,
  type LocalTransport,
  type Sender,
  toText,
  writeBundledTransport,
  writeData,
  writeMedia,
  writeSessionLevel,
  writeTaggedTransport,
} from "./write-section.ts";

export type OfferSection =
  | { readonly kind: "application"; readonly mid: string }
  /** Inactive without a sender. */
  | { readonly kind: MediaKind; readonly mid: string; readonly sender: Sender | undefined };

export interface OfferParams extends DescriptionId {
  readonly local: LocalTransport;
  /** Sections are only ever appended (RFC 3264 §8). */
  readonly sections: readonly [OfferSection, ...OfferSection[]];
}

const MEDIA_PROTOCOL = "UDP/TLS/RTP/SAVPF";
const DATA_PROTOCOL = "UDP/DTLS/SCTP";

export function writeOffer({ sessionId, version, local, sections }: OfferParams): string {
  const mids = sections.map(({ mid }) => mid);
  const lines = writeSessionLevel({ sessionId, version }, mids, local.fingerprint);
  for (const section of sections) {
    // The peer has to be the DTLS client, but an offer must say actpass (RFC 8842 §5.2). It may reject the bundle, so each
    // section has transport attributes (RFC 9143 §7.2); Firefox accepts no offer without.
    const write = section === sections[0] ? writeTaggedTransport : writeBundledTransport;
    lines.push(...writeSection(section, write(local, "actpass")));
  }
  return toText(lines);
}

function writeSection(section: OfferSection, transport: readonly string[]): string[] {
  const { mid, kind } = section;
  if (kind === "application") return writeData(mid, DATA_PROTOCOL, transport);
  const { sender } = section;
  return writeMedia(
    {
      media: kind,
      protocol: MEDIA_PROTOCOL,
      mid,
      direction: sender === undefined ? "inactive" : "sendonly",
      codecs: kind === "video" ? VIDEO : sender?.stereo === true ? STEREO : AUDIO,
      extensions: offeredExtensions(kind).map(({ id, uri }) => ({ id, uri, suffix: "" })),
      extmapAllowMixed: true,
      rtcpRsize: true,
      published: null,
      sender,
    },
    transport,
  );
}

const AUDIO: readonly NegotiatedCodec[] = [
  {
    payload: { payloadType: 111, codec: "opus", clockRate: 48_000, profile: "" },
    rtpmap: "opus/48000/2",
    fmtp: "minptime=10;useinbandfec=1",
    feedback: offeredFeedback("audio"),
  },
  // Its blocks name Opus by payload type 111, as browsers do.
  {
    payload: { payloadType: 63, codec: "red", clockRate: 48_000, profile: "" },
    rtpmap: "red/48000/2",
    fmtp: "111/111",
    feedback: [],
  },
];

/** Without sprop-stereo (RFC 7587 §6.1) LiveKit's clients decode stereo as mono. */
const STEREO = AUDIO.map((codec) =>
  codec.payload.codec === "opus" ? { ...codec, fmtp: `${codec.fmtp};sprop-stereo=1` } : codec,
);

/** Receivers reject what they cannot decode. H264 has the profiles that publishers use, and one above all of them. */
const VIDEO: readonly NegotiatedCodec[] = [
  video(96, "VP8", ""),
  video(98, "VP9", "profile-id=0"),
  video(100, "H264", h264(1, "42e01f")),
  video(102, "H264", h264(1, "42001f")),
  video(104, "H264", h264(1, "4d001f")),
  video(106, "H264", h264(1, "64001f")),
  video(108, "H264", h264(1, "640c1f")),
  video(112, "H264", h264(0, "42e01f")),
  video(116, "H264", h264(1, "f4001f")),
  video(114, "AV1", "level-idx=5;profile=0;tier=0"),
];

function h264(packetizationMode: number, profileLevelId: string): string {
  return `level-asymmetry-allowed=1;packetization-mode=${packetizationMode};profile-level-id=${profileLevelId}`;
}

/** RTX has the next payload type. `profile` is taken from the answer, so it is empty here. */
function video(payloadType: number, codec: "VP8" | "VP9" | "H264" | "AV1", fmtp: string): NegotiatedCodec {
  return {
    payload: { payloadType, codec, clockRate: 90_000, profile: "", rtxPayloadType: payloadType + 1 },
    rtpmap: `${codec}/90000`,
    fmtp,
    feedback: offeredFeedback("video"),
  };
}
