/**
 * What LiveKit's clients say of themselves and of their tracks, for other clients and for backends. Control has no use
 * for it, and whoever came by another protocol has said nothing.
 */
import type { AddTrackRequest, ClientInfo } from "@livekit/protocol";
import type { Participant } from "../control/participant.ts";
import type { Track } from "../control/track.ts";

const clients = new WeakMap<Participant, ClientInfo>();
const requests = new WeakMap<Track, AddTrackRequest>();

export function setClient(participant: Participant, client: ClientInfo): void {
  clients.set(participant, client);
}

export function clientOf(participant: Participant): ClientInfo | undefined {
  return clients.get(participant);
}

export function setRequest(track: Track, request: AddTrackRequest): void {
  requests.set(track, request);
}

/** How its publisher announced a track. */
export function requestOf(track: Track): AddTrackRequest | undefined {
  return requests.get(track);
}
