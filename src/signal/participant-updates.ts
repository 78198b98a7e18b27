/**
 * When a room is notified of a participant's changes: at once, as a rule. For one that changes often and with much
 * metadata, notifications are delayed and merged, which loses nothing, since each update holds the complete state.
 */
import { ParticipantUpdate } from "@livekit/protocol";
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";
import { participantInfo } from "../livekit/participant-info.ts";
import { ResponseFrame } from "./frames.ts";

/**
 * Bytes of updates about one participant that each client gets without delay. Larger: small requests of one, such as to
 * mute and to unmute, become more traffic for all. Smaller: one with much metadata is seen late when it joins and
 * publishes.
 */
const BYTES = { burst: 1_048_576, perSecond: 65_536 };

/**
 * Least delay beyond that; what was told late is paid for before the next. Larger: changes of such a participant are seen
 * later. Smaller: they cost the others more.
 */
const DELAY_MS = 1_000;

export class ParticipantUpdates {
  readonly #clock: Clock;
  readonly #tell: (participant: Participant, frame: ResponseFrame) => void;
  readonly #budgets = new WeakMap<Participant, TokenBucket>();
  /** Participants with a delayed update, and the function that cancels it. */
  readonly #late = new Map<Participant, () => void>();

  constructor(clock: Clock, tell: (participant: Participant, frame: ResponseFrame) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  onChanged(participant: Participant): void {
    if (this.#late.has(participant)) return;
    const frame = frameOf(participant);
    const budget = this.#budgetOf(participant);
    const nowMs = this.#clock.monotonicMs();
    if (budget.take(bytesOf(frame), nowMs)) return this.#tell(participant, frame);
    const delayMs = Math.max(DELAY_MS, budget.overdrawnForMs(nowMs));
    const cancel = this.#clock.after(delayMs, () => this.#tellLate(participant, budget));
    this.#late.set(participant, cancel);
  }

  /** It has left. */
  forget(participant: Participant): void {
    this.#late.get(participant)?.();
    this.#late.delete(participant);
  }

  #tellLate(participant: Participant, budget: TokenBucket): void {
    this.#late.delete(participant);
    const frame = frameOf(participant);
    budget.charge(bytesOf(frame), this.#clock.monotonicMs());
    this.#tell(participant, frame);
  }

  #budgetOf(participant: Participant): TokenBucket {
    const budget = this.#budgets.get(participant) ?? new TokenBucket(BYTES, this.#clock.monotonicMs());
    this.#budgets.set(participant, budget);
    return budget;
  }
}

const bytesOf = (frame: ResponseFrame): number => frame.bytes("binary").length;

function frameOf(participant: Participant): ResponseFrame {
  const value = new ParticipantUpdate({ participants: [participantInfo(participant)] });
  return new ResponseFrame({ case: "update", value });
}
