/** RTP header extensions (RFC 8285) that an answer accepts, and an offer of ours proposes. */
import type { MediaKind } from "../base/codec.ts";
import { EXTENSION_URI } from "../rtp/header-extensions.ts";

/** Which way media of a section flows, seen from the server: up is towards it. */
export type Flow = "up" | "down";

/** Rewritten for receivers, or passed on to them. The order gives the ids of our offers. */
const OFFERED: readonly string[] = [
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

/** All that is read: those, and what a publisher tells the server alone (RID, repaired RID). */
const ACCEPTED: ReadonlySet<string> = new Set(Object.values(EXTENSION_URI));

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

const DOWN_OFFER = OFFERED.map((uri, index) => ({ id: index + 1, uri }));
const VIDEO_ONLY: ReadonlySet<string> = new Set([
  EXTENSION_URI.dependencyDescriptor,
  EXTENSION_URI.videoOrientation,
  EXTENSION_URI.playoutDelay,
  EXTENSION_URI.colorSpace,
  EXTENSION_URI.videoContentType,
]);
