/**
 * Sessions that were recently ended for good. A client that was told so leaves; one that had lost its connection just
 * then would reconnect by itself, although it was removed.
 */
import type { ParticipantId } from "../base/ids.ts";
import type { Clock } from "../control/clock.ts";
import type { CloseReason } from "../control/transport.ts";

const FOR_GOOD: readonly CloseReason[] = ["participant_removed", "room_deleted", "duplicate_identity"];

/** Clients try to reconnect for one to two minutes. Larger: more memory. Smaller: a removed one succeeds. */
const REMEMBERED_MS = 120_000;

interface End {
  readonly reason: CloseReason;
  readonly untilMs: number;
}

export class EndedSessions {
  readonly #clock: Clock;
  /** In the order of expiry. */
  readonly #ends = new Map<string, End>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: ParticipantId, reason: CloseReason): void {
    this.#forget();
    if (!FOR_GOOD.includes(reason)) return;
    this.#ends.set(id, { reason, untilMs: this.#clock.monotonicMs() + REMEMBERED_MS });
  }

  /** Why the session of this sid was ended for good; undefined for one that was not, or that is forgotten. */
  reasonOf(sid: string): CloseReason | undefined {
    this.#forget();
    return this.#ends.get(sid)?.reason;
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, { untilMs }] of this.#ends) {
      if (untilMs > nowMs) return;
      this.#ends.delete(id);
    }
  }
}
