/**
 * Whose audio is forwarded in a room that limits it: the N who were heard last. The others are received, listened to,
 * and held back.
 *
 * Whoever begins to speak is let in by the first loud packet, in the place of the one who has been silent for longest.
 * A place is never taken from somebody in the middle of a word: only after a pause, or by a voice that is far stronger
 * when all N sound (for then one of them may be noise).
 */
import type { SpeechActivity } from "./speech-activity.ts";
import { FAR_STRONGER, foremost, type Voice } from "./voice.ts";

export class LoudestAudios {
  #limit = Number.POSITIVE_INFINITY;
  readonly #forwarded: Voice[] = [];

  /** At least 1; infinite: nobody is held back. */
  setLimit(limit: number): void {
    this.#limit = limit;
    while (this.#forwarded.length > limit) this.#hold(this.#weakest());
  }

  /** A voice without a place is loud: gives it a free place, if there is one. */
  offer(voice: Voice, nowUs: number): void {
    if (this.#forwarded.length < this.#limit) return this.#forward(voice);
    const silent = voice.activity.isLoud ? this.#longestSilent(nowUs) : null;
    if (silent === null) voice.place = "held";
    else this.#exchange(silent, voice);
  }

  /** Frees the place of a voice that was muted or has ended. */
  release(voice: Voice): void {
    const at = this.#forwarded.indexOf(voice);
    if (at !== -1) this.#forwarded.splice(at, 1);
    voice.place = "unranked";
  }

  /** Compares talking voices that are held back with those that are forwarded. Each must have been sampled. */
  tick(voices: Iterable<Voice>, nowUs: number): void {
    // Places that are free go to whoever is heard next.
    if (this.#forwarded.length < this.#limit) return;
    const isHeld = ({ place, activity }: Voice): boolean => place === "held" && activity.isTalking(nowUs);
    const outside = foremost(voices, isHeld, weight);
    if (outside === null) return;
    const weakest = this.#weakest();
    if (weight(outside.activity) >= FAR_STRONGER * weight(weakest.activity)) this.#exchange(weakest, outside);
  }

  #weakest(): Voice {
    return foremost(this.#forwarded, Boolean, (activity) => -weight(activity))!;
  }

  /** The forwarded voice that has been silent for longest, of those who pause. */
  #longestSilent(nowUs: number): Voice | null {
    let longest: Voice | null = null;
    for (let i = 0; i < this.#forwarded.length; i++) {
      const voice = this.#forwarded[i]!;
      if (!voice.activity.isPausing(nowUs)) continue;
      const laterUs = longest === null ? -1 : voice.activity.lastLoudUs - longest.activity.lastLoudUs;
      if (laterUs < 0 || (laterUs === 0 && longest!.precedes(voice))) longest = voice;
    }
    return longest;
  }

  #exchange(out: Voice, into: Voice): void {
    this.#hold(out);
    this.#forward(into);
  }

  #hold(voice: Voice): void {
    this.release(voice);
    voice.place = "held";
  }

  #forward(voice: Voice): void {
    this.#forwarded.push(voice);
    voice.place = "forwarded";
  }
}

/** A new speaker is weighted by the present, one who pauses between words by the past. */
function weight({ presence, strength }: SpeechActivity): number {
  return Math.max(presence, strength);
}
