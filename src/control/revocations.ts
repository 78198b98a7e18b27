/**
 * Tokens with which nobody enters a room any more, though they have not expired: those of an identity from before a moment.
 * Unlike a ban, this lets in whoever gets a new one. What `revoke_token_ts` of LiveKit's `RemoveParticipant` asks for.
 */
import type { Claims } from "./access-token.ts";
import type { Clock } from "./clock.ts";
import { fail, ok, type Result } from "./result.ts";

export interface Revocation {
  readonly room: string;
  readonly identity: string;
  /** Since 1970. */
  readonly beforeSeconds: number;
  readonly untilMs: number;
}

/** Keeps revocations beyond this process. Both throw when that fails. */
export interface RevocationStore {
  /** Those that are not over, the earliest end first. */
  all(nowMs: number): readonly Revocation[];
  /** Replaces one of the same room and identity, and deletes those that are over at `nowMs`. */
  put(revocation: Revocation, nowMs: number): void;
}

/** Tokens live for hours, those of some applications for weeks. Larger: more memory. Smaller: some outlive it. */
const REMEMBERED_MS = 30 * 86_400_000;

/** Clocks may differ; milliseconds in place of seconds lie further ahead, and would revoke the tokens to come. */
const MAX_AHEAD_SECONDS = 86_400;

export class Revocations {
  readonly #store: RevocationStore;
  readonly #clock: Clock;
  /** By room and identity, the latest last. */
  readonly #all = new Map<string, Revocation>();

  constructor(store: RevocationStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const revocation of store.all(clock.nowMs())) this.#keep(revocation);
  }

  /** Never takes back an earlier one: the later of the two moments counts. */
  add(room: string, identity: string, beforeSeconds: number): Result<null, "revoked_ahead"> {
    const nowMs = this.#clock.nowMs();
    if (beforeSeconds > nowMs / 1000 + MAX_AHEAD_SECONDS) return fail("revoked_ahead");
    const { beforeSeconds: earlier = 0 } = this.#all.get(keyOf(room, identity)) ?? {};
    const latest = Math.max(beforeSeconds, earlier);
    const revocation = { room, identity, beforeSeconds: latest, untilMs: nowMs + REMEMBERED_MS };
    this.#store.put(revocation, nowMs);
    this.#forget(nowMs);
    this.#keep(revocation);
    return ok(null);
  }

  bars({ identity, validFromSeconds }: Claims, room: string): boolean {
    const revocation = this.#all.get(keyOf(room, identity));
    return revocation !== undefined && validFromSeconds < revocation.beforeSeconds;
  }

  #keep(revocation: Revocation): void {
    const key = keyOf(revocation.room, revocation.identity);
    this.#all.delete(key);
    this.#all.set(key, revocation);
  }

  #forget(nowMs: number): void {
    for (const [key, { untilMs }] of this.#all) {
      if (untilMs > nowMs) return;
      this.#all.delete(key);
    }
  }
}

const keyOf = (room: string, identity: string): string => JSON.stringify([room, identity]);
