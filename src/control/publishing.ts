/** Whether a participant may publish tracks: the rules that do not depend on a transport. */
import type { Permission } from "./access-token.ts";
import { fail, ok, type Result } from "./result.ts";
import type { RoomOptions } from "./room.ts";
import type { PublishedSection } from "./track.ts";

export type PublishRefusal = "forbidden" | "e2ee_required" | "too_many_tracks";

export type RoomRules = Pick<RoomOptions, "e2ee" | "maxTracksPerParticipant">;

/** `present`: the number of tracks that the participant publishes already, and keeps. */
export function mayPublish(
  permission: Permission,
  rules: RoomRules,
  tracks: readonly Pick<PublishedSection, "source" | "encryption">[],
  present: number,
): Result<null, PublishRefusal> {
  if (!tracks.every(({ source }) => isGranted(permission, source))) return fail("forbidden");
  if (rules.e2ee === "required" && tracks.some(({ encryption }) => encryption === "none")) {
    return fail("e2ee_required");
  }
  return present + tracks.length > rules.maxTracksPerParticipant ? fail("too_many_tracks") : ok(null);
}

export function isGranted({ canPublish, canPublishSources }: Permission, source: string): boolean {
  return canPublish && (canPublishSources.length === 0 || canPublishSources.includes(source));
}
