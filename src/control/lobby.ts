/**
 * Who may enter a room that does not let everybody in: those a host has admitted, and those who were in it before.
 *
 *   knock ──▶ waiting ──▶ admitted ◀── joined         removed ──▶ as a stranger
 *                    └──▶ denied
 */
import type { Claims } from "./access-token.ts";
import type { Clock } from "./clock.ts";

export interface Applicant {
  readonly identity: string;
  readonly name: string;
  /** Its first attempt; since 1970. */
  readonly sinceMs: number;
}

/**
 * Who does not try again for so long has given up. Larger: hosts see people who have gone. Smaller: clients have to try
 * more often.
 */
const PATIENCE_MS = 30_000;

/** Larger: more memory. Smaller: in a large audience some are not shown to the hosts before others are admitted. */
const MAX_WAITING = 1_000;

/** The latest are remembered. Larger: more memory in rooms that never end. Smaller: some have to be admitted again. */
const MAX_DECISIONS = 10_000;

export class Lobby {
  readonly #clock: Clock;
  readonly #onKnock: (applicant: Applicant) => void;
  readonly #admitted = new Map<string, boolean>();
  /** In the order of their latest attempts, by a clock that is not set. */
  readonly #waiting = new Map<string, { readonly applicant: Applicant; readonly triedMs: number }>();

  /** `onKnock`: called with those who were not waiting already. */
  constructor(clock: Clock, onKnock: (applicant: Applicant) => void) {
    this.#clock = clock;
    this.#onKnock = onKnock;
  }

  /** In the order in which they came. */
  get waiting(): readonly Applicant[] {
    this.#forgetImpatient();
    const applicants = [...this.#waiting.values()].map(({ applicant }) => applicant);
    return applicants.toSorted((one, other) => one.sinceMs - other.sinceMs);
  }

  /** True for who may enter, false for who was denied that, undefined while nothing is decided. */
  admits(identity: string): boolean | undefined {
    return this.#admitted.get(identity);
  }

  /** Somebody asks to be let in, for the first time or again. */
  knock({ identity, name }: Pick<Claims, "identity" | "name">): void {
    this.#forgetImpatient();
    const present = this.#waiting.get(identity);
    if (present === undefined && this.#waiting.size >= MAX_WAITING) return;
    const applicant = present?.applicant ?? { identity, name, sinceMs: this.#clock.nowMs() };
    this.#waiting.delete(identity);
    this.#waiting.set(identity, { applicant, triedMs: this.#clock.monotonicMs() });
    if (present === undefined) this.#onKnock(applicant);
  }

  /** A decision holds until the room ends or the next one, whether or not `identity` has asked yet. */
  decide(identity: string, admitted: boolean): void {
    this.#waiting.delete(identity);
    this.#admitted.delete(identity);
    this.#admitted.set(identity, admitted);
    if (this.#admitted.size > MAX_DECISIONS) this.#admitted.delete(this.#admitted.keys().next().value!);
  }

  /** It was removed: if it comes again, it has to ask again. */
  onRemoved(identity: string): void {
    this.#admitted.delete(identity);
  }

  #forgetImpatient(): void {
    const sinceMs = this.#clock.monotonicMs() - PATIENCE_MS;
    for (const [identity, { triedMs }] of this.#waiting) {
      if (triedMs > sinceMs) return;
      this.#waiting.delete(identity);
    }
  }
}
