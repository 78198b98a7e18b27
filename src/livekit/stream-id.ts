/**
 * The MediaStream in which a client receives a track (`a=msid`, RFC 8830): `PA_..|` and what follows.
 *
 * Browsers play in sync what is in one stream. A client that learns from the stream's name which track it has got must
 * have each track in a stream of its own; one that is told by section (`mid_to_track_id`) gets what its publisher put into
 * one stream in one stream.
 */
import type { TrackSource } from "../control/access-token.ts";
import type { Track } from "../control/track.ts";
import { requestOf } from "./client-facts.ts";

/** What belongs together when its publisher says nothing of streams, as LiveKit's SDKs have it. */
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

/** A name that could be taken for a track's, or that a session description can not hold, is no name. */
function streamOf(track: Track): string | null {
  const named = requestOf(track)?.stream ?? "";
  if (named === "") return STREAMS[track.section.source];
  return /^(?!TR)[\w-]{1,32}$/.test(named) ? named : null;
}
