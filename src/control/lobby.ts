/**
 * Who may enter a room that does not let everybody in: those a host has admitted, and those who were in it before.
 *
 *   knock ──▶ waiting ──▶ admitted ◀── entered         removed ──▶ as a stranger
 *                    └──▶ denied, whatever else happens, until a host admits it
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

/** By a clock that is not set. */
interface Attempts {
  readonly applicant: Applicant;
  readonly firstMs: number;
  readonly latestMs: number;
}

export class Lobby {
  readonly #clock: Clock;
  readonly #onKnock: (applicant: Applicant) => void;
  readonly #admitted = new Map<string, boolean>();
  /** In the order of their latest attempts. */
  readonly #waiting = new Map<string, Attempts>();

  /** `onKnock`: called with those who were not waiting already. */
  constructor(clock: Clock, onKnock: (applicant: Applicant) => void) {
    this.#clock = clock;
    this.#onKnock = onKnock;
  }

  /** In the order in which they came. */
  get waiting(): readonly Applicant[] {
    this.#forgetImpatient();
    const inOrder = [...this.#waiting.values()].toSorted((one, other) => one.firstMs - other.firstMs);
    return inOrder.map(({ applicant }) => applicant);
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
    const latestMs = this.#clock.monotonicMs();
    const { applicant, firstMs } = present ?? {
      applicant: { identity, name, sinceMs: this.#clock.nowMs() },
      firstMs: latestMs,
    };
    this.#waiting.delete(identity);
    this.#waiting.set(identity, { applicant, firstMs, latestMs });
    if (present === undefined) this.#onKnock(applicant);
  }

  /** A decision holds until the room ends or the next one, whether or not `identity` has asked yet. */
  decide(identity: string, admitted: boolean): void {
    this.#waiting.delete(identity);
    this.#admitted.delete(identity);
    this.#admitted.set(identity, admitted);
    if (this.#admitted.size > MAX_DECISIONS) this.#admitted.delete(this.#admitted.keys().next().value!);
  }

  /** It is in the room, and may come back; unless it was denied admission in there, which holds once it is out. */
  onEntered(identity: string): void {
    if (this.admits(identity) !== false) this.decide(identity, true);
  }

  /** It was removed or banned: if it comes again, it has to ask again, unless it was denied admission. */
  onRemoved(identity: string): void {
    this.#waiting.delete(identity);
    if (this.admits(identity) === true) this.#admitted.delete(identity);
  }

  #forgetImpatient(): void {
    const sinceMs = this.#clock.monotonicMs() - PATIENCE_MS;
    for (const [identity, { latestMs }] of this.#waiting) {
      if (latestMs > sinceMs) return;
      this.#waiting.delete(identity);
    }
  }
}
