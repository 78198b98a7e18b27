/** What a down track sends of: a track, and how the receiver knows what comes of it. */
import type { DownPayloads, PayloadParams } from "../contract/media.ts";
import type { UpTrack } from "./up-track.ts";

/** A track and the payload types under which this receiver knows its codec. */
export interface DownSource extends DownPayloads {
  readonly track: UpTrack;
}

/** As what a receiver gets packets of `payload`: as they are, or taken apart; null for not at all. */
export function knownOf(
  { track, payload: known, alternate }: DownSource,
  payload: PayloadParams,
): PayloadParams | null {
  if (isSameCodec(known, payload)) return known;
  if (alternate !== undefined && isSameCodec(alternate, payload)) return alternate;
  // What looks like RFC 2198 is ciphertext where it is sealed.
  const isTakenApart = payload.codec === "red" && known.codec === "opus" && track.params.isSealed !== true;
  return isTakenApart ? known : null;
}

function isSameCodec(one: PayloadParams, other: PayloadParams): boolean {
  return one.codec === other.codec && one.profile === other.profile;
}
