/**
 * Sources of a subscriber transport: frame sizes, thirty times a second.
 *
 * `GreedySource` uses the whole allowed rate. `LayeredSource` forwards simulcast videos in the steps of their layers,
 * so that it mostly sends less than allowed; a switch to another encoding begins with a key frame.
 */
import { seededRandom } from "./seeded-random.ts";

const FPS = 30;
/** Frame sizes vary by this share either way. */
const SIZE_SPREAD = 0.25;

export interface VideoSource {
  /** Payload rate for the next step up, 0 when there is none, and for the highest. */
  readonly nextBps: number;
  readonly mostBps: number;
  /** Payload bytes of the frames of this thirtieth of a second. */
  frames(allowedBps: number): number[];
}

/** Smallest step up. */
const GREEDY_STEP_BPS = 100_000;

export class GreedySource implements VideoSource {
  nextBps = 0;
  readonly mostBps: number;
  readonly #random: () => number;

  constructor(mostBps: number, seed: number) {
    this.mostBps = mostBps;
    this.#random = seededRandom(seed);
  }

  frames(allowedBps: number): number[] {
    const bps = Math.min(allowedBps, this.mostBps);
    this.nextBps = bps < this.mostBps ? bps + GREEDY_STEP_BPS : 0;
    return [frameBytes(bps, this.#random())];
  }
}

const ENCODINGS_BPS = [150_000, 500_000, 1_700_000] as const;
const TEMPORAL_LAYERS = 3;
const KEYFRAME_SIZE = 4;

/** Pause in frames between steps up, and after a step down: allocators wait for the effect of a step. */
const UP_PAUSE = 6;
const DOWN_PAUSE = 30;

interface Step {
  readonly encodingBps: number;
  /** How many of three frames are sent. */
  readonly thirds: number;
  readonly bps: number;
}

/** Steps of one video from the lowest rate up; the first sends nothing. */
const STEPS: readonly Step[] = [
  { encodingBps: 0, thirds: 0, bps: 0 },
  ...ENCODINGS_BPS.flatMap((encodingBps) =>
    [1, 2, 3].map((thirds) => ({ encodingBps, thirds, bps: (encodingBps * thirds) / TEMPORAL_LAYERS })),
  ).sort((a, b) => a.bps - b.bps),
];

export class LayeredSource implements VideoSource {
  nextBps = 0;
  readonly mostBps: number;
  /** By video, an index into STEPS. */
  readonly #steps: number[];
  readonly #random: () => number;
  #frame = 0;
  #mayRise = 0;

  constructor(videos: number, seed: number) {
    this.#steps = Array<number>(videos).fill(0);
    this.mostBps = videos * STEPS.at(-1)!.bps;
    this.#random = seededRandom(seed);
  }

  frames(allowedBps: number): number[] {
    const before = [...this.#steps];
    this.#frame += 1;
    this.#stepDown(allowedBps);
    this.#stepUp(allowedBps);
    return this.#steps.flatMap((index, video) => {
      const { encodingBps, thirds } = STEPS[index]!;
      const switched = encodingBps !== 0 && encodingBps !== STEPS[before[video]!]!.encodingBps;
      if (!switched && (this.#frame + video) % TEMPORAL_LAYERS >= thirds) return [];
      return [frameBytes(encodingBps, this.#random()) * (switched ? KEYFRAME_SIZE : 1)];
    });
  }

  /** Steps down at once, the highest video first. */
  #stepDown(allowedBps: number): void {
    while (this.#totalBps() > allowedBps) {
      this.#steps[this.#steps.indexOf(Math.max(...this.#steps))]! -= 1;
      this.#mayRise = this.#frame + DOWN_PAUSE;
    }
  }

  /** Steps the lowest video up by one, unless a pause is on. */
  #stepUp(allowedBps: number): void {
    const video = this.#steps.indexOf(Math.min(...this.#steps));
    const index = this.#steps[video]!;
    const next = STEPS[index + 1];
    this.nextBps = next === undefined ? 0 : this.#totalBps() - STEPS[index]!.bps + next.bps;
    if (next === undefined || this.nextBps > allowedBps || this.#frame < this.#mayRise) return;
    this.#steps[video] = index + 1;
    this.#mayRise = this.#frame + UP_PAUSE;
  }

  #totalBps(): number {
    return this.#steps.reduce((sum, index) => sum + STEPS[index]!.bps, 0);
  }
}

/** `chance` in [0, 1) chooses the size within its spread. */
function frameBytes(bps: number, chance: number): number {
  return Math.round((bps / 8 / FPS) * (1 + SIZE_SPREAD * (2 * chance - 1)));
}
