/** What the others may know of a participant, what it may do, and how either changes while it is here. */
import type { Claims, Permission } from "./access-token.ts";
import { fail, ok, type Result } from "./result.ts";

export interface Profile {
  readonly name: string;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly permission: Permission;
}

/** What is absent stays. Attributes are set one by one; an empty value deletes. */
export type ProfileChange = Partial<Profile>;

export type ProfileError = "name_too_long" | "metadata_too_large" | "attributes_too_large";

/** Shown in a list of participants. Larger: one name fills a screen. Smaller: titles and long names do not fit. */
const MAX_NAME_CHARS = 256;

/**
 * Metadata of a room or a participant, as UTF-8, and all keys and values of its attributes: as LiveKit's server has it.
 * Larger: each change is sent to everybody in the room. Smaller: applications that keep a document there are refused.
 */
export const MAX_METADATA_BYTES = 64_000;
const MAX_ATTRIBUTES_BYTES = 64_000;

export function profileOf({ name, metadata, attributes, grants }: Claims): Profile {
  const { canPublish, canSubscribe, canPublishData, canPublishSources, canUpdateOwnMetadata, hidden } =
    grants;
  const permission = {
    canPublish,
    canSubscribe,
    canPublishData,
    canPublishSources,
    canUpdateOwnMetadata,
    hidden,
  };
  return { name, metadata, attributes, permission };
}

/** `change` in full: with the attributes that `profile` will have once it is made. */
export function completed(profile: Profile, change: ProfileChange): Result<ProfileChange, ProfileError> {
  const { name = "", metadata = "", attributes } = change;
  if (name.length > MAX_NAME_CHARS) return fail("name_too_long");
  if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return fail("metadata_too_large");
  if (attributes === undefined) return ok(change);
  const merged = Object.entries({ ...profile.attributes, ...attributes }).filter(([, value]) => value !== "");
  const bytes = merged.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  if (bytes > MAX_ATTRIBUTES_BYTES) return fail("attributes_too_large");
  return ok({ ...change, attributes: Object.fromEntries(merged) });
}
