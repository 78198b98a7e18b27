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
  readonly #byRoom = new Map<string, ReadonlyMap<string, Ban>>();

  constructor(store: BanStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const [room, bans] of Map.groupBy(store.all(clock.nowMs()), (ban) => ban.room))
      this.#set(room, bans);
  }

  /** Replaces an earlier ban of the same identity. `untilMs`: since 1970; null for ever. */
  add(room: string, identity: string, untilMs: number | null): Result<Ban, BanError> {
    const sinceMs = this.#clock.nowMs();
    if (untilMs !== null && untilMs <= sinceMs) return fail("ban_over");
    const others = this.of(room).filter((ban) => ban.identity !== identity);
    if (others.length >= MAX_BANS_PER_ROOM) return fail("too_many_bans");
    const ban = { room, identity, sinceMs, untilMs };
    this.#store.put(ban);
    this.#set(room, [...others, ban]);
    return ok(ban);
  }

  remove(room: string, identity: string): Result<null, "ban_not_found"> {
    const bans = this.of(room);
    const ban = bans.find((one) => one.identity === identity);
    if (ban === undefined) return fail("ban_not_found");
    this.#store.delete(ban);
    this.#set(
      room,
      bans.filter((one) => one !== ban),
    );
    return ok(null);
  }

  /** The earliest first. */
  of(room: string): readonly Ban[] {
    return [...(this.#byRoom.get(room)?.values() ?? [])].filter((ban) => this.#holds(ban));
  }

  bars(room: string, identity: string): boolean {
    const ban = this.#byRoom.get(room)?.get(identity);
    return ban !== undefined && this.#holds(ban);
  }

  #holds({ untilMs }: Ban): boolean {
    return untilMs === null || untilMs > this.#clock.nowMs();
  }

  #set(room: string, bans: readonly Ban[]): void {
    if (bans.length === 0) this.#byRoom.delete(room);
    else this.#byRoom.set(room, new Map(bans.map((ban) => [ban.identity, ban])));
  }
}
