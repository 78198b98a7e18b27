/**
 * Real offers: of Chromium 156, Firefox ESR 153 and aiortc 1.4.0, captured with `createOffer()` before any candidate was
 * gathered, and of GStreamer 1.22's webrtcbin. `gstreamer-publish` has retransmissions, forward error correction, and candidates;
 * `gstreamer-publish-alone` has one section and the bundle policy `none`, which is webrtcbin's default.
 */
import { readFileSync } from "node:fs";
import { parseDescription } from "../../src/sdp/parse.ts";
import type { SessionDescription } from "../../src/sdp/session-description.ts";

export const OFFERS = [
  "chromium-publish-simulcast",
  "chromium-publish-single",
  "chromium-watch",
  "chromium-data-channel",
  "firefox-publish-simulcast",
  "firefox-watch",
  "gstreamer-publish",
  "gstreamer-publish-alone",
  "gstreamer-watch",
  "aiortc-publish",
  "aiortc-watch",
] as const;
export type OfferName = (typeof OFFERS)[number];

export function offerText(name: OfferName): string {
  return readFileSync(new URL(`offers/${name}.sdp`, import.meta.url), "utf8");
}

export function offer(name: OfferName): SessionDescription {
  return description(offerText(name));
}

/** A description that must be good. */
export function description(text: string): SessionDescription {
  const parsed = parseDescription(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.description;
}

const FINGERPRINT = Array.from({ length: 32 }, () => "AB").join(":");

/** A short offer of one section with these lines in it; `session` lines come before the section. */
export function shortOffer(media: string, lines: readonly string[], session: readonly string[] = []): string {
  return [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    ...session,
    media,
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuv",
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    "a=setup:actpass",
    "a=rtcp-mux",
    ...lines,
    "",
  ].join("\r\n");
}
