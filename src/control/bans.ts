/**
 * Who may not enter which room, however often it ends and begins anew: identities, since the application that signs the
 * tokens vouches for those. A ban is written to the store before it counts.
 */
import type { Clock } from "./clock.ts";
import { fail, ok, type Result } from "./result.ts";

export interface Ban {
  readonly room: string;
  readonly identity: string;
  readonly sinceMs: number;
  /** Since 1970; null for ever. */
  readonly untilMs: number | null;
}

/** Keeps bans beyond this process. All throw when that fails. */
export interface BanStore {
  /** Those whose time is not over. */
  all(nowMs: number): readonly Ban[];
  /** Replaces one of the same room and identity, and deletes those whose time is over. */
  put(ban: Ban): void;
  delete(ban: Ban): void;
}

export type BanError = "ban_over" | "too_many_bans";

/** Larger: one room's administrators take more memory and disk. Smaller: crowds of pests can not be kept out. */
const MAX_BANS_PER_ROOM = 10_000;

export class Bans {
  readonly #store: BanStore;
  readonly #clock: Clock;
  /** By room and identity, the latest last. */
  readonly #byRoom = new Map<string, Map<string, Ban>>();

  constructor(store: BanStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const ban of store.all(clock.nowMs())) this.#keep(ban);
  }

  /** Replaces an earlier ban of the same identity. `untilMs`: since 1970; null for ever. */
  add(room: string, identity: string, untilMs: number | null): Result<Ban, BanError> {
    const sinceMs = this.#clock.nowMs();
    const ban = { room, identity, sinceMs, untilMs };
    if (!holds(ban, sinceMs)) return fail("ban_over");
    this.#forgetOver(sinceMs);
    const present = this.#byRoom.get(room);
    const isAnother = present?.has(identity) === false;
    if (isAnother && present.size >= MAX_BANS_PER_ROOM) return fail("too_many_bans");
    this.#store.put(ban);
    this.#keep(ban);
    return ok(ban);
  }

  remove(room: string, identity: string): Result<null, "ban_not_found"> {
    const ban = this.#find(room, identity);
    if (ban === undefined) return fail("ban_not_found");
    this.#store.delete(ban);
    this.#forget(ban);
    return ok(null);
  }

  /** The earliest first. */
  of(room: string): readonly Ban[] {
    const nowMs = this.#clock.nowMs();
    return [...(this.#byRoom.get(room)?.values() ?? [])].filter((ban) => holds(ban, nowMs));
  }

  bars(room: string, identity: string): boolean {
    return this.#find(room, identity) !== undefined;
  }

  #find(room: string, identity: string): Ban | undefined {
    const ban = this.#byRoom.get(room)?.get(identity);
    return ban !== undefined && holds(ban, this.#clock.nowMs()) ? ban : undefined;
  }

  #keep(ban: Ban): void {
    this.#forget(ban);
    const bans = this.#byRoom.get(ban.room) ?? new Map<string, Ban>();
    bans.set(ban.identity, ban);
    this.#byRoom.set(ban.room, bans);
  }

  #forget({ room, identity }: Ban): void {
    const bans = this.#byRoom.get(room);
    bans?.delete(identity);
    if (bans?.size === 0) this.#byRoom.delete(room);
  }

  /** In all rooms: most have names that do not come back. */
  #forgetOver(nowMs: number): void {
    for (const bans of this.#byRoom.values())
      for (const ban of bans.values()) if (!holds(ban, nowMs)) this.#forget(ban);
  }
}

function holds({ untilMs }: Ban, nowMs: number): boolean {
  return untilMs === null || untilMs > nowMs;
}
