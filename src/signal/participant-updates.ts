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

/** Delay beyond that. Larger: changes of such a participant are seen later. Smaller: they cost the others more. */
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
    if (this.#budgetOf(participant).take(frame.bytes("binary").length, this.#clock.monotonicMs())) {
      return this.#tell(participant, frame);
    }
    const cancel = this.#clock.after(DELAY_MS, () => {
      this.#late.delete(participant);
      this.#tell(participant, frameOf(participant));
    });
    this.#late.set(participant, cancel);
  }

  /** It has left. */
  forget(participant: Participant): void {
    this.#late.get(participant)?.();
    this.#late.delete(participant);
  }

  #budgetOf(participant: Participant): TokenBucket {
    const budget = this.#budgets.get(participant) ?? new TokenBucket(BYTES, this.#clock.monotonicMs());
    this.#budgets.set(participant, budget);
    return budget;
  }
}

function frameOf(participant: Participant): ResponseFrame {
  const value = new ParticipantUpdate({ participants: [participantInfo(participant)] });
  return new ResponseFrame({ case: "update", value });
}
