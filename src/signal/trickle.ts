/**
 * Candidates, told one by one, although they stand in the description too: LiveKit's clients go by the description, its
 * connection test by these.
 */
import { type SignalTarget, TrickleRequest } from "@livekit/protocol";
import { candidateValues, type HostCandidate } from "../sdp/ice-attributes.ts";

/** `mid`: of the section that has the transport (RFC 9143 §7.3). */
export function trickles(
  candidates: readonly HostCandidate[],
  mid: string,
  target: SignalTarget,
): TrickleRequest[] {
  const values = candidateValues(candidates);
  return values.map((value, index) => {
    const init = { candidate: `candidate:${value}`, sdpMid: mid, sdpMLineIndex: 0 };
    const final = index === values.length - 1;
    return new TrickleRequest({ candidateInit: JSON.stringify(init), target, final });
  });
}
