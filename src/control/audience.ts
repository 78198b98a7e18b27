/** Who may receive what a participant publishes, as it says itself. */
import type { TrackId } from "../base/ids.ts";

/** Identities with the tracks that each may receive; who is not named may receive none. */
export type Audience = "everybody" | ReadonlyMap<string, "all" | ReadonlySet<TrackId>>;

export function admits(audience: Audience, identity: string, trackId: TrackId): boolean {
  if (audience === "everybody") return true;
  const tracks = audience.get(identity);
  return tracks === "all" || tracks?.has(trackId) === true;
}
