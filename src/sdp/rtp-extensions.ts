/** RTP header extensions (RFC 8285) that an answer accepts, and an offer of ours proposes. */
import type { MediaKind } from "../base/codec.ts";

/** Which way media of a section flows, seen from the server: up is towards it. */
export type Flow = "up" | "down";

const SDES = "urn:ietf:params:rtp-hdrext:sdes";
const WEBRTC = "http://www.webrtc.org/experiments/rtp-hdrext";

export const TRANSPORT_WIDE_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

export const ABS_SEND_TIME = `${WEBRTC}/abs-send-time`;

/** Read by us, written anew, or handed on to receivers as they are. */
const BOTH_WAYS: readonly string[] = [
  `${SDES}:mid`,
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  ABS_SEND_TIME,
  TRANSPORT_WIDE_CC,
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  "urn:3gpp:video-orientation",
  `${WEBRTC}/playout-delay`,
  `${WEBRTC}/color-space`,
  `${WEBRTC}/abs-capture-time`,
  `${WEBRTC}/video-content-type`,
];

/** Meant for the server alone. */
const UP_ONLY: readonly string[] = [
  `${SDES}:rtp-stream-id`,
  `${SDES}:repaired-rtp-stream-id`,
  `${WEBRTC}/video-layers-allocation00`,
];

const ACCEPTED: ReadonlySet<string> = new Set([...BOTH_WAYS, ...UP_ONLY]);

/**
 * Whichever way media flows: what Chromium was once denied in a section it does not offer in later ones of the same kind
 * either, so that a viewer could not begin to publish simulcast.
 */
export function acceptsExtension(uri: string): boolean {
  return ACCEPTED.has(uri);
}

/** Of what an audio or a video may have, the server offers these, under the same ids in every section. */
export function offeredExtensions(kind: MediaKind): readonly { readonly id: number; readonly uri: string }[] {
  return DOWN_OFFER.filter(({ uri }) => kind === "video" || !VIDEO_ONLY.has(uri));
}

const DOWN_OFFER = BOTH_WAYS.map((uri, index) => ({ id: index + 1, uri }));
const VIDEO_ONLY: ReadonlySet<string> = new Set([
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
  "urn:3gpp:video-orientation",
  `${WEBRTC}/playout-delay`,
  `${WEBRTC}/color-space`,
  `${WEBRTC}/video-content-type`,
]);
