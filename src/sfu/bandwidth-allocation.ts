/** Allocates one receiver's bandwidth: collects what its down tracks could send, and gives each what `allocate` allots. */
import type { MediaContent } from "../base/codec.ts";
import type { ParticipantId } from "../base/ids.ts";
import { allocate, type Demand, NO_CHOICE, type Tier } from "./allocator.ts";
import type { DownTrack } from "./down-track.ts";
import { wantedTemporal } from "./layer-preference.ts";
import type { SendController } from "./send-controller.ts";

/** What the room decides, for all its receivers. */
export interface RoomOrder {
  /** Videos that a receiver gets at most; infinite: all. */
  readonly lastVideos: number;
  /** Who spoke last: 0 speaks now. */
  speakerRank(publisher: ParticipantId): number;
}

/**
 * Longer leaves bandwidth unused, and a path overloaded when encoders raise their rate; shorter costs CPU with every
 * receiver.
 */
const INTERVAL_US = 200_000;

/**
 * Share of the budget that new layers must fit in: rates of encoders vary by a tenth, and so do estimates. More lets layers
 * come and go with each variation, less leaves a receiver below what its path could carry.
 */
const GROW_SHARE = 0.9;

/**
 * For so long without any picture and any feedback, padding has asked for feedback in vain: the receiver has no RTX, or does not
 * answer it. Shorter sends a large video into paths that padding would have shown to be narrow, longer shows nothing for longer.
 */
const DARK_US = 1_000_000;

export class BandwidthAllocation {
  /** What all tracks together were last allotted, bits per second. */
  totalBps = 0;
  /** The budget at that time. */
  #dealtBps = 0;
  #nextUs = 0;
  /** Since when no video has been given anything, on a path of which nothing is known. */
  #darkUs = Number.POSITIVE_INFINITY;
  readonly #downTracks: readonly DownTrack[];
  readonly #controller: SendController;

  constructor(downTracks: readonly DownTrack[], controller: SendController) {
    this.#downTracks = downTracks;
    this.#controller = controller;
  }

  tick(nowUs: number, room: RoomOrder): void {
    const { budgetBps, isDue } = this.#controller;
    // When what was allotted no longer fits, packets queue already: allocate at once. Voices that never fitted are no
    // reason.
    const fits = budgetBps >= Math.min(this.totalBps, this.#dealtBps);
    if (!isDue && nowUs < this.#nextUs && fits) return;
    this.#controller.isDue = false;
    this.#nextUs = nowUs + INTERVAL_US;
    this.#dealtBps = budgetBps;
    const connected = this.#downTracks.filter(({ source }) => source !== null);
    if (connected.length > 0) this.totalBps = this.#deal(connected, budgetBps, nowUs, room);
    else this.#dealNothing();
  }

  /** Without a track nothing is wanted, so the path is not probed for more. */
  #dealNothing(): void {
    this.totalBps = 0;
    this.#darkUs = Number.POSITIVE_INFINITY;
    this.#controller.wants(0, 0);
  }

  #deal(downTracks: readonly DownTrack[], budgetBps: number, nowUs: number, room: RoomOrder): number {
    const demands = downTracks.map((downTrack) => demandOf(downTrack, budgetBps, nowUs, room));
    const budget = { keepBps: budgetBps, growBps: this.#controller.growBps * GROW_SHARE };
    const { allocations, totalBps, nextBps, mostBps } = allocate(budget, demands, room.lastVideos);
    allocations.forEach((allocation, i) => {
      const { kind, choices } = demands[i]!;
      const choice = choices[allocation.choice] ?? null;
      if (kind === "video") downTracks[i]!.allot(choice, allocation, budgetBps, nowUs);
    });
    this.#controller.wants(nextBps / GROW_SHARE, mostBps / GROW_SHARE);
    const isVideoSent = allocations.some(
      ({ choice }, i) => demands[i]!.kind === "video" && choice !== NO_CHOICE,
    );
    this.#watchDark(!isVideoSent && nextBps > totalBps, nextBps / GROW_SHARE, nowUs);
    return totalBps;
  }

  /** `isDark`: videos were refused, and none is sent; the least of them would take `bps`, with the voices. */
  #watchDark(isDark: boolean, bps: number, nowUs: number): void {
    if (!isDark || !this.#controller.isGuessing) this.#darkUs = Number.POSITIVE_INFINITY;
    else if (this.#darkUs === Number.POSITIVE_INFINITY) this.#darkUs = nowUs;
    else if (nowUs - this.#darkUs >= DARK_US) {
      // Where the guess is of no use either, the next must leave time for an answer.
      this.#darkUs = nowUs;
      this.#controller.guess(bps, nowUs);
    }
  }
}

/** What a down track with a source could send now, and how much it matters. */
function demandOf(downTrack: DownTrack, budgetBps: number, nowUs: number, room: RoomOrder): Demand {
  const { track } = downTrack.source!;
  const { kind } = downTrack.params;
  const { paused, pinned, visible } = downTrack.preference;
  const wanted = { spatial: downTrack.wantedSpatial, temporal: wantedTemporal(downTrack.preference) };
  const isSilent = track.muted || track.voice?.place === "held";
  const choices = isSilent ? [] : track.ladder(wanted, nowUs);
  const speakerRank = room.speakerRank(track.params.publisher);
  return {
    kind,
    tier: tierOf(pinned, track.params.content, speakerRank),
    speakerRank,
    visiblePixels: visible === null ? 0 : visible.width * visible.height,
    choices,
    absence: track.muted ? "muted" : "no_media",
    most: paused ? NO_CHOICE : choices.length - 1,
    current: downTrack.allotment.indexIn(choices),
    ceiling: downTrack.allotment.ceilingIn(choices, budgetBps, nowUs),
  };
}

/** Pinned tiles and shared screens first, then who speaks. */
function tierOf(pinned: boolean, content: MediaContent, speakerRank: number): Tier {
  if (pinned) return "pinned";
  if (content === "screen") return "screen";
  return speakerRank === 0 ? "speaker" : "other";
}
