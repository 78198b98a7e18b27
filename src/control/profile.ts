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

/**
 * What the latest token says, and what was changed while the participant has been here. The latter outranks tokens, or
 * else a moderated participant would only have to open another session.
 */
export class ProfileRecord {
  #claimed: Profile;
  #changed: Partial<Profile> = {};

  constructor(claims: Claims) {
    this.#claimed = profileOf(claims);
  }

  get value(): Profile {
    return { ...this.#claimed, ...this.#changed };
  }

  get permission(): Permission {
    return this.#changed.permission ?? this.#claimed.permission;
  }

  /** Undefined while tokens alone decide. */
  get changedPermission(): Permission | undefined {
    return this.#changed.permission;
  }

  /** Another token of the same identity. */
  claim(claims: Claims): void {
    this.#claimed = profileOf(claims);
  }

  change(change: ProfileChange): Result<null, ProfileError> {
    const { name = "", metadata = "", attributes = {} } = change;
    if (name.length > MAX_NAME_CHARS) return fail("name_too_long");
    if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return fail("metadata_too_large");
    const merged = Object.entries({ ...this.value.attributes, ...attributes }).filter(
      ([, value]) => value !== "",
    );
    if (byteLength(merged) > MAX_ATTRIBUTES_BYTES) return fail("attributes_too_large");
    const complete =
      change.attributes === undefined ? change : { ...change, attributes: Object.fromEntries(merged) };
    this.#changed = { ...this.#changed, ...complete };
    return ok(null);
  }
}

function profileOf({ name, metadata, attributes, grants }: Claims): Profile {
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

function byteLength(attributes: readonly (readonly [string, string])[]): number {
  return attributes.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}
