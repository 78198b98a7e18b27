/**
 * The voices of one room in one media thread, published or piped here: who speaks, who holds the floor, and whose audio is
 * forwarded. A packet updates only its own voice; voices are compared at intervals, on tick.
 */
import { SLOT } from "../base/counters.ts";
import type { RoomId, TrackId } from "../base/ids.ts";
import type { SpeakingTrack } from "../contract/media.ts";
import type { CoreContext } from "./core-context.ts";
import { DominantSpeaker } from "./dominant-speaker.ts";
import { LoudestAudios } from "./loudest-audios.ts";
import type { UpTrack } from "./up-track.ts";
import { Voice } from "./voice.ts";

/** Between two comparisons. Longer notices a new speaker later by as much, shorter costs CPU with every silent person. */
const COMPARE_US = 100_000;

/**
 * Between two reports, except changes of the floor and mutes, which are reported at once. LiveKit's clients expect about
 * this.
 */
const REPORT_US = 250_000;

/** Levels are reported in steps, so that a steady voice causes no event. */
const LEVEL_STEP_DB = 3;

export class RoomVoices {
  readonly dominant = new DominantSpeaker();
  readonly loudest = new LoudestAudios();
  readonly #roomId: RoomId;
  readonly #voices = new Set<Voice>();
  /** Those that compete for the floor and for places. */
  readonly #ranked = new Set<Voice>();
  /** Published here: what is piped here is reported by its own thread. */
  readonly #ours = new Set<Voice>();
  #comparedUs = 0;
  #reportedUs = 0;
  #reported: { readonly speakers: readonly SpeakingTrack[]; readonly dominant: TrackId | null } = {
    speakers: [],
    dominant: null,
  };
  #someoneFellSilent = false;
  readonly #context: CoreContext;

  constructor(roomId: RoomId, context: CoreContext) {
    this.#roomId = roomId;
    this.#context = context;
  }

  /** `isOurs`: published in this thread. */
  add(track: UpTrack, isOurs: boolean): Voice {
    const voice = new Voice(track, this.loudest, this.#context.counters);
    this.#voices.add(voice);
    if (voice.competes) this.#ranked.add(voice);
    if (isOurs) this.#ours.add(voice);
    return voice;
  }

  remove(voice: Voice): void {
    this.fallSilent(voice);
    this.#voices.delete(voice);
    this.#ranked.delete(voice);
    this.#ours.delete(voice);
  }

  /** Its publisher became hidden or visible: whether it competes has changed. */
  onHidden(voice: Voice): void {
    if (voice.competes) {
      this.#ranked.add(voice);
      return;
    }
    this.#ranked.delete(voice);
    voice.yield();
    this.dominant.release(voice);
    this.#someoneFellSilent = true;
  }

  /** It was muted, or has ended. */
  fallSilent(voice: Voice): void {
    voice.fallSilent();
    this.dominant.release(voice);
    this.#someoneFellSilent = true;
  }

  tick(nowUs: number): void {
    const elapsedUs = nowUs - this.#comparedUs;
    if (elapsedUs < COMPARE_US && !this.#someoneFellSilent) return;
    this.#comparedUs = nowUs;
    // The first time, and after a stall, only the last interval counts.
    const sampledUs = Math.min(elapsedUs, COMPARE_US);
    for (const { activity } of this.#voices) activity.sample(nowUs, sampledUs);
    this.loudest.tick(this.#ranked, nowUs);
    const changed = this.dominant.decide(this.#ranked, nowUs);
    if (changed) this.#context.counters[SLOT.speakerChanges]! += 1;
    const urgent = changed || this.#someoneFellSilent;
    this.#someoneFellSilent = false;
    if (urgent || nowUs - this.#reportedUs >= REPORT_US) this.#report(nowUs);
  }

  /** Reports to control, if anything has changed. */
  #report(nowUs: number): void {
    const speakers = [...this.#ours]
      .filter(({ activity }) => activity.isSpeaking)
      .map(({ trackId, activity }): SpeakingTrack => ({ trackId, level: amplitude(activity.levelDbov) }))
      .sort((a, b) => b.level - a.level || (a.trackId < b.trackId ? -1 : 1));
    const dominant = this.dominant.holder?.trackId ?? null;
    const before = this.#reported;
    if (dominant === before.dominant && areSame(speakers, before.speakers)) return;
    this.#reportedUs = nowUs;
    this.#reported = { speakers, dominant };
    this.#context.events.push({ kind: "room.speakers", roomId: this.#roomId, speakers, dominant });
  }
}

function areSame(some: readonly SpeakingTrack[], others: readonly SpeakingTrack[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ trackId, level }, i) => trackId === others[i]!.trackId && level === others[i]!.level)
  );
}

/** In [0, 1], by whole steps. */
function amplitude(dbov: number): number {
  return 10 ** ((Math.round(dbov / LEVEL_STEP_DB) * LEVEL_STEP_DB) / 20);
}
