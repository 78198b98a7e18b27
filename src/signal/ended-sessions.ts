/**
 * Sessions that were ended for good a moment ago. Who was told of that leaves; a client that was cut off just then would come
 * back by itself, though it was sent away.
 */
import type { ParticipantId } from "../base/ids.ts";
import type { Clock } from "../control/clock.ts";
import type { CloseReason } from "../control/transport.ts";

const FOR_GOOD: readonly CloseReason[] = ["participant_removed", "room_deleted", "duplicate_identity"];

/** A client that was cut off tries to come back for one to two minutes. Larger: more is remembered. Smaller: it does. */
const REMEMBERED_MS = 120_000;

interface End {
  readonly reason: CloseReason;
  readonly untilMs: number;
}

export class EndedSessions {
  readonly #clock: Clock;
  /** The first to be forgotten comes first. */
  readonly #ends = new Map<string, End>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(id: ParticipantId, reason: CloseReason): void {
    this.#forget();
    if (!FOR_GOOD.includes(reason)) return;
    this.#ends.set(id, { reason, untilMs: this.#clock.monotonicMs() + REMEMBERED_MS });
  }

  /** Why the session of this sid was ended for good; undefined for one that was not, or is not known any more. */
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
