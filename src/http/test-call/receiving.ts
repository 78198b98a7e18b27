/** Receiving sections of an offer, with what they need beyond a browser's defaults. */
import type { MediaKind } from "../../base/codec.ts";

const DEPENDENCY_DESCRIPTOR =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/** TypeScript's library does not have the W3C's webrtc-extensions yet; Firefox has no such methods. */
interface HeaderExtension {
  readonly uri: string;
  direction: RTCRtpTransceiverDirection;
}
interface NegotiatingTransceiver extends RTCRtpTransceiver {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

/**
 * Adds a section that receives media of `kind`. A receiver of encrypted AV1 needs the dependency descriptor to find
 * frames, and Chromium does not offer it by itself where it only receives.
 */
export function addReceiver(connection: RTCPeerConnection, kind: MediaKind): RTCRtpReceiver {
  const transceiver: NegotiatingTransceiver = connection.addTransceiver(kind, { direction: "recvonly" });
  const extensions = transceiver.getHeaderExtensionsToNegotiate?.() ?? [];
  const descriptor = extensions.find(({ uri }) => uri === DEPENDENCY_DESCRIPTOR);
  if (descriptor !== undefined) {
    descriptor.direction = "sendrecv";
    transceiver.setHeaderExtensionsToNegotiate?.(extensions);
  }
  return transceiver.receiver;
}
