/**
 * Trickled candidates, although they are in the description too: LiveKit's clients use those of the description, its
 * connection test these.
 */
import { type SignalTarget, TrickleRequest } from "@livekit/protocol";
import { candidateValues, type HostCandidate } from "../sdp/ice-attributes.ts";

/** `mid`: of the section that carries the transport (RFC 9143 §7.3). */
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
