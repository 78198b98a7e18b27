/**
 * When a room is told of a change of a participant: at once, as a rule. Who changes again and again, with much metadata, is
 * told of later, as it is then. Nobody misses what was in between, since each update says all there is.
 */
import { ParticipantUpdate } from "@livekit/protocol";
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "../control/clock.ts";
import type { Participant } from "../control/participant.ts";
import { participantInfo } from "../livekit/participant-info.ts";
import { ResponseFrame } from "./frames.ts";

/**
 * Bytes that each client is told of one participant without delay. Larger: small messages of one, such as to mute and to
 * unmute, become more traffic for all. Smaller: somebody who has much to say is seen late when it joins and publishes.
 */
const BYTES = { burst: 1_048_576, perSecond: 65_536 };

/** Larger: who has said too much is seen later. Smaller: it costs the others more. */
const DELAY_MS = 1_000;

export class ParticipantUpdates {
  readonly #clock: Clock;
  readonly #tell: (participant: Participant, frame: ResponseFrame) => void;
  readonly #budgets = new WeakMap<Participant, TokenBucket>();
  /** Those that are told of later, with what cancels that. */
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
