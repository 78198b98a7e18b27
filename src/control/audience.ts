/** Who may receive what a participant publishes: the track permissions that it sets itself. */
import type { TrackId } from "../base/ids.ts";

/** By identity, the tracks that it may receive; an identity that is not listed may receive none. */
export type Audience = "everybody" | ReadonlyMap<string, "all" | ReadonlySet<TrackId>>;

export function admits(audience: Audience, identity: string, trackId: TrackId): boolean {
  if (audience === "everybody") return true;
  const tracks = audience.get(identity);
  return tracks === "all" || tracks?.has(trackId) === true;
}
