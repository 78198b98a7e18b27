/**
 * The id of the MediaStream in which a client receives a track (`a=msid`, RFC 8830): `PA_..|` and a suffix.
 *
 * Browsers synchronise the tracks of one stream. A client that identifies a track by its stream's id must have each
 * track in a stream of its own; for one that identifies it by MID (`mid_to_track_id`), tracks that the publisher put
 * into one stream stay in one.
 */
import type { TrackSource } from "../control/access-token.ts";
import type { Track } from "../control/track.ts";
import { requestOf } from "./client-facts.ts";

/** Streams by source where the publisher names none, as in LiveKit's SDKs. */
const STREAMS: Readonly<Record<TrackSource, string | null>> = {
  unknown: null,
  camera: "camera",
  microphone: "camera",
  screen_share: "screen_share",
  screen_share_audio: "screen_share",
};

export function streamIdOf(track: Track, syncs: boolean): string {
  const stream = syncs ? streamOf(track) : null;
  return `${track.publisher.id}|${stream ?? track.id}`;
}

/** Names that look like a track's id, or that are not valid in a session description, are ignored. */
function streamOf(track: Track): string | null {
  const named = requestOf(track)?.stream ?? "";
  if (named === "") return STREAMS[track.section.source];
  return /^(?!TR)[\w-]{1,32}$/.test(named) ? named : null;
}
