/** The source of a down track: an UpTrack, and the payload types under which the receiver knows its codecs. */
import type { DownPayloads, PayloadParams } from "../contract/media.ts";
import type { UpTrack } from "./up-track.ts";

/** `payload`, and where there is one `alternate`: payload types of this receiver. */
export interface DownSource extends DownPayloads {
  readonly track: UpTrack;
}

/**
 * The payload as which the receiver gets packets of `payload`, unchanged or taken out of RED; null if it cannot get them.
 */
export function knownOf(
  { track, payload: known, alternate }: DownSource,
  payload: PayloadParams,
): PayloadParams | null {
  if (isSameCodec(known, payload)) return known;
  if (alternate !== undefined && isSameCodec(alternate, payload)) return alternate;
  // In a sealed track, what looks like RFC 2198 is ciphertext.
  const isTakenApart = payload.codec === "red" && known.codec === "opus" && track.params.isSealed !== true;
  return isTakenApart ? known : null;
}

function isSameCodec(one: PayloadParams, other: PayloadParams): boolean {
  return one.codec === other.codec && one.profile === other.profile;
}
