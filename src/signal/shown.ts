import type { Participant } from "../control/participant.ts";

/** Hidden participants are not shown to anybody in the room. */
export function isShown({ profile }: Participant): boolean {
  return !profile.permission.hidden;
}
