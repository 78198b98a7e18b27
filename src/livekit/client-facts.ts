/**
 * What LiveKit's clients report of themselves and of their tracks, for other clients and for backends. Control does not
 * use it, and clients of other protocols do not report it.
 */
import { AddTrackRequest, type ClientInfo, type DataTrackInfo } from "@livekit/protocol";
import type { Participant } from "../control/participant.ts";
import type { Track } from "../control/track.ts";

const clients = new WeakMap<Participant, ClientInfo>();

const dataTracks = new WeakMap<Participant, readonly DataTrackInfo[]>();

export function setDataTracks(participant: Participant, infos: readonly DataTrackInfo[]): void {
  dataTracks.set(participant, infos);
}

export function dataTracksOf(participant: Participant): readonly DataTrackInfo[] {
  return dataTracks.get(participant) ?? [];
}

export function setClient(participant: Participant, client: ClientInfo): void {
  clients.set(participant, client);
}

export function clientOf(participant: Participant): ClientInfo | undefined {
  return clients.get(participant);
}

/** How its publisher announced a track: the `note` that our adapter attaches to it. */
export function requestOf({ note }: Track): AddTrackRequest | undefined {
  return note instanceof AddTrackRequest ? note : undefined;
}
