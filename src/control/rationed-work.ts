/**
 * Work for a whole room that each of its members can cause as often as it likes. It is done at once where there was little of
 * it, and else as soon as its ration allows, once for all that has happened meanwhile.
 */
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "./clock.ts";

/**
 * Looks of somebody at a track, at most a microsecond each. Larger: one room takes more of the main thread. Smaller: in a
 * large room changes are seen later: of 100 participants and 200 tracks five at once, and then five a second.
 */
const LOOKS = { burst: 100_000, perSecond: 100_000 };

export class RationedWork {
  readonly #clock: Clock;
  readonly #work: () => number;
  readonly #ration: TokenBucket;
  #cancel: (() => void) | null = null;

  /** `work`: does all there is to do, and returns how many looks it took. */
  constructor(clock: Clock, work: () => number) {
    this.#clock = clock;
    this.#work = work;
    this.#ration = new TokenBucket(LOOKS, clock.monotonicMs());
  }

  /** Something has changed, and what there is to do has not been done yet. */
  get isPending(): boolean {
    return this.#cancel !== null;
  }

  /** Something has changed. */
  ask(): void {
    if (this.isPending) return;
    const waitMs = this.#ration.overdrawnForMs(this.#clock.monotonicMs());
    if (waitMs === 0) this.#run();
    else this.#cancel = this.#clock.after(waitMs, () => this.#run());
  }

  /**
   * Something has changed for which nobody may wait. Where the ration is used up already it costs no more of it: what may wait
   * does so for one time's work at most, though a whole room is moved in a moment, one after the other.
   */
  now(): void {
    const isFree = this.#ration.isOverdrawn(this.#clock.monotonicMs());
    if (isFree) this.#all();
    else this.#run();
  }

  #run(): void {
    const looks = this.#all();
    this.#ration.charge(looks, this.#clock.monotonicMs());
  }

  #all(): number {
    this.end();
    return this.#work();
  }

  /** What is still to be done need not be done any more. */
  end(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
