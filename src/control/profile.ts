/** What the others see of a participant, its permission, and how either changes while it is in the room. */
import type { Claims, Permission } from "./access-token.ts";
import { fail, ok, type Result } from "./result.ts";

export interface Profile {
  readonly name: string;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly permission: Permission;
}

/** Absent members stay as they are. Attributes are merged by key; an empty value deletes the key. */
export type ProfileChange = Partial<Profile>;

export type ProfileError = "name_too_long" | "metadata_too_large" | "attributes_too_large";

/** Shown in a list of participants. Larger: one name fills a screen. Smaller: titles and long names do not fit. */
const MAX_NAME_CHARS = 256;

/**
 * Metadata of a room or a participant, as UTF-8, and all keys and values of its attributes: as in LiveKit's server.
 * Larger: each change is sent to everybody in the room. Smaller: applications that keep a document there are refused.
 */
export const MAX_METADATA_BYTES = 64_000;
const MAX_ATTRIBUTES_BYTES = 64_000;

/**
 * Keys of a participant's attributes. Each change of one is merged, compared and written with all the others. Larger: a
 * client whose thousands of keys have a letter each keeps the main thread busy with messages of ten bytes. Smaller:
 * applications that keep many settings there are refused.
 */
const MAX_ATTRIBUTES = 256;

/**
 * The profile in the latest token, and the changes made since the participant joined. The changes take precedence:
 * otherwise a moderated participant could undo them by opening another session.
 */
export class ProfileRecord {
  #claimed: Profile;
  #changed: Partial<Profile>;

  constructor(claims: Claims, changedPermission?: Permission) {
    this.#claimed = profileOf(claims);
    this.#changed = changedPermission === undefined ? {} : { permission: changedPermission };
  }

  get value(): Profile {
    return { ...this.#claimed, ...this.#changed };
  }

  get permission(): Permission {
    return this.#changed.permission ?? this.#claimed.permission;
  }

  /** Undefined while it was not changed, and tokens decide. */
  get changedPermission(): Permission | undefined {
    return this.#changed.permission;
  }

  /** Another token of the same identity. */
  claim(claims: Claims): void {
    this.#claimed = profileOf(claims);
  }

  change(change: ProfileChange): Result<null, ProfileError> {
    const { name = "", metadata = "", attributes } = change;
    if (name.length > MAX_NAME_CHARS) return fail("name_too_long");
    if (Buffer.byteLength(metadata) > MAX_METADATA_BYTES) return fail("metadata_too_large");
    const merged = attributes && mergedAttributes(this.value.attributes, attributes);
    if (merged === null) return fail("attributes_too_large");
    this.#changed = { ...this.#changed, ...change, ...(merged !== undefined && { attributes: merged }) };
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

/** Null when they are too large. */
function mergedAttributes(
  present: Profile["attributes"],
  change: Profile["attributes"],
): Profile["attributes"] | null {
  const merged = Object.entries({ ...present, ...change }).filter(([, value]) => value !== "");
  const isTooLarge = merged.length > MAX_ATTRIBUTES || byteLength(merged) > MAX_ATTRIBUTES_BYTES;
  return isTooLarge ? null : Object.fromEntries(merged);
}

function byteLength(attributes: readonly (readonly [string, string])[]): number {
  return attributes.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
}
