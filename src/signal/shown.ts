import type { Participant } from "../control/participant.ts";

/** Hidden participants are seen by nobody in the room. */
export function isShown({ profile }: Participant): boolean {
  return !profile.permission.hidden;
}
