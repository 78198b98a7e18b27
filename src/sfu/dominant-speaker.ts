/**
 * Who holds the floor of a room: at most one, and for as long as nobody takes it.
 *
 *                 talks while nobody holds it
 *   nobody ─────────────────────────────────────▶ holder ─┐  another talks, and the holder pauses
 *      ▲                                            │ ▲   │  or is the weaker by far
 *      └──────────── muted, or has ended ───────────┘ └───┘
 *
 * A holder who pauses keeps the floor while the others are silent, so it rests with whoever spoke last. Of two who talk
 * at once, the holder keeps it up to the first real pause. `SpeechActivity` says what talking and pausing are.
 */
import type { ParticipantId } from "../base/ids.ts";
import { FAR_STRONGER, foremost, type Voice } from "./voice.ts";

/**
 * How long a new holder is safe from stronger voices: its own strength has yet to grow, and that of the previous holder to
 * fade. Longer lets noise hold the floor, shorter gives it back to the previous holder.
 */
const SETTLED_US = 2_000_000;

export class DominantSpeaker {
  #holder: Voice | null = null;
  #sinceUs = 0;
  /** Publishers that have held the floor, the latest first, each with its place among them. */
  #holders: ReadonlyMap<ParticipantId, number> = new Map();

  get holder(): Voice | null {
    return this.#holder;
  }

  /** Gives the floor to another voice if one may take it. Returns whether it did. Each voice must have been sampled. */
  decide(voices: Iterable<Voice>, nowUs: number): boolean {
    const holder = this.#holder;
    const challenger = foremost(
      voices,
      (voice) => voice !== holder && voice.activity.isTalking(nowUs),
      ({ strength }) => strength,
    );
    if (challenger === null || !this.#yieldsTo(challenger, nowUs)) return false;
    const { publisher } = challenger;
    this.#holder = challenger;
    this.#sinceUs = nowUs;
    this.#holders = placed([publisher, ...this.#without(publisher)]);
    return true;
  }

  /** The voice was muted or has ended: if it held the floor, nobody does until somebody talks. */
  release(voice: Voice): void {
    if (voice === this.#holder) this.#holder = null;
  }

  /** The publisher has no track any more. */
  forget(publisher: ParticipantId): void {
    if (this.#holders.has(publisher)) this.#holders = placed(this.#without(publisher));
  }

  /**
   * 0 for the publisher who holds the floor, then by how recently others held it; infinite for those who never did. Each
   * receiver asks for each video, several times a second.
   */
  rank(publisher: ParticipantId): number {
    const at = this.#holders.get(publisher);
    if (at === undefined) return Number.POSITIVE_INFINITY;
    return this.#holder === null ? at + 1 : at;
  }

  #without(publisher: ParticipantId): ParticipantId[] {
    return [...this.#holders.keys()].filter((other) => other !== publisher);
  }

  #yieldsTo(challenger: Voice, nowUs: number): boolean {
    if (this.#holder === null) return true;
    const { activity } = this.#holder;
    if (activity.isPausing(nowUs)) return true;
    const isSettled = nowUs - this.#sinceUs >= SETTLED_US;
    return isSettled && challenger.activity.strength >= FAR_STRONGER * activity.strength;
  }
}

function placed(holders: readonly ParticipantId[]): ReadonlyMap<ParticipantId, number> {
  return new Map(holders.map((publisher, at) => [publisher, at]));
}
