/** RTP header extensions (RFC 8285) that an answer accepts, and an offer of ours proposes. */
import type { MediaKind } from "../base/codec.ts";
import { EXTENSION_URI } from "../rtp/header-extensions.ts";

/** Which way media of a section flows, seen from the server: up is towards it. */
export type Flow = "up" | "down";

/** Read by us, rewritten, or passed on to receivers unchanged. The order gives the ids of our offers. */
const BOTH_WAYS: readonly string[] = [
  EXTENSION_URI.mid,
  EXTENSION_URI.audioLevel,
  EXTENSION_URI.absSendTime,
  EXTENSION_URI.transportCc,
  EXTENSION_URI.dependencyDescriptor,
  EXTENSION_URI.videoOrientation,
  EXTENSION_URI.playoutDelay,
  EXTENSION_URI.colorSpace,
  EXTENSION_URI.absCaptureTime,
  EXTENSION_URI.videoContentType,
];

/** Meant for the server alone. */
const UP_ONLY: readonly string[] = [
  EXTENSION_URI.rid,
  EXTENSION_URI.repairedRid,
  "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
];

const ACCEPTED: ReadonlySet<string> = new Set([...BOTH_WAYS, ...UP_ONLY]);

/**
 * Whether an answer accepts the extension, in a section of either direction: what Chromium was once denied in a section it
 * does not offer in later ones of the same kind, so that a viewer could not begin to publish simulcast.
 */
export function acceptsExtension(uri: string): boolean {
  return ACCEPTED.has(uri);
}

/** The extensions that an offer of ours proposes for audio or video, under the same ids in every section. */
export function offeredExtensions(kind: MediaKind): readonly { readonly id: number; readonly uri: string }[] {
  return DOWN_OFFER.filter(({ uri }) => kind === "video" || !VIDEO_ONLY.has(uri));
}

const DOWN_OFFER = BOTH_WAYS.map((uri, index) => ({ id: index + 1, uri }));
const VIDEO_ONLY: ReadonlySet<string> = new Set([
  EXTENSION_URI.dependencyDescriptor,
  EXTENSION_URI.videoOrientation,
  EXTENSION_URI.playoutDelay,
  EXTENSION_URI.colorSpace,
  EXTENSION_URI.videoContentType,
]);
