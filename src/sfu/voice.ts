/** An audio track that carries somebody's voice, as its room hears it in one media thread. */
import { type Counters, SLOT } from "../base/counters.ts";
import type { ParticipantId, TrackId } from "../base/ids.ts";
import { EXTENSION } from "../rtp/header-extensions.ts";
import type { LoudestAudios } from "./loudest-audios.ts";
import { SpeechActivity } from "./speech-activity.ts";
import type { UpPacket } from "./up-packet.ts";
import type { UpTrack } from "./up-track.ts";

/**
 *                first level, and a place is free
 *   unranked ──────────────────────────────────────▶ forwarded ─┐
 *     │   ▲                                            ▲   │    │
 *     │   └──────── muted, hidden, has ended ──────────┼───┼────┘
 *     │ none is free              heard before another │   │ another takes its place
 *     └──────────────────────────────────────────────▶ held
 *
 * A voice without audio levels stays unranked, and is forwarded: nobody can tell whether there is something to hear. A hidden
 * participant's voice, which only the participant itself may hear, stays unranked too.
 */
export type VoicePlace = "unranked" | "forwarded" | "held";

/**
 * How many times as strong a voice must be to displace one that sounds. Larger: typing, or a radio, keeps its place for
 * longer. Smaller: places go to and fro between people who talk at once.
 */
export const FAR_STRONGER = 2;

export class Voice {
  readonly activity = new SpeechActivity();
  readonly #track: UpTrack;
  readonly #loudest: LoudestAudios;
  readonly #counters: Counters;
  #place: VoicePlace = "unranked";

  constructor(track: UpTrack, loudest: LoudestAudios, counters: Counters) {
    this.#track = track;
    this.#loudest = loudest;
    this.#counters = counters;
  }

  get trackId(): TrackId {
    return this.#track.id;
  }

  get publisher(): ParticipantId {
    return this.#track.params.publisher;
  }

  get place(): VoicePlace {
    return this.#place;
  }

  /** Whether it competes for the floor and for a place. */
  get competes(): boolean {
    return !this.#track.hidden;
  }

  set place(place: VoicePlace) {
    if (place === this.#place) return;
    this.#place = place;
    if (place === "held") this.#track.interrupt();
  }

  /** Reads the level of a packet. Returns whether receivers in this thread get the packet. */
  hear({ extensions, bytes, receivedUs }: UpPacket): boolean {
    const at = extensions.at[EXTENSION.audioLevel]!;
    if (at >= 0 && extensions.bytes[EXTENSION.audioLevel]! > 0) {
      this.activity.onLevel(bytes[at]!, receivedUs);
      if (this.#place !== "forwarded" && this.competes) this.#loudest.offer(this, receivedUs);
    }
    if (this.#place !== "held") return true;
    this.#counters[SLOT.downDropped_not_loudest]! += this.#track.downTracks.length;
    return false;
  }

  /** It was muted or has ended: silent at once. */
  fallSilent(): void {
    this.activity.clear();
    this.yield();
  }

  /** Gives up its place. */
  yield(): void {
    this.#loudest.release(this);
  }

  /** Tie-break between two equals, whatever their order. */
  precedes(other: Voice): boolean {
    return this.trackId < other.trackId;
  }
}

/** Of the voices for which `is` holds, the one of greatest `weight`. */
export function foremost(
  voices: Iterable<Voice>,
  is: (voice: Voice) => boolean,
  weight: (activity: SpeechActivity) => number,
): Voice | null {
  let best: Voice | null = null;
  for (const voice of voices) {
    if (!is(voice)) continue;
    const lead = best === null ? 1 : weight(voice.activity) - weight(best.activity);
    if (lead > 0 || (lead === 0 && voice.precedes(best!))) best = voice;
  }
  return best;
}
