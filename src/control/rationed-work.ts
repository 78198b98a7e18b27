/**
 * Rate-limits work for a whole room that each of its members can trigger as often as it likes. It runs at once while
 * there is budget (a token bucket), otherwise as soon as there is, once for all triggers until then.
 */
import { TokenBucket } from "../base/token-bucket.ts";
import type { Clock } from "./clock.ts";

/**
 * Budget, in checks of one track for one transport, each at most a microsecond. Larger: one room takes more of the main
 * thread. Smaller: changes take effect later in a large room: one of 100 participants and 200 tracks may have five at
 * once, and then five a second.
 */
const LOOKS = { burst: 100_000, perSecond: 100_000 };

export class RationedWork {
  readonly #clock: Clock;
  readonly #work: () => number;
  readonly #ration: TokenBucket;
  #cancel: (() => void) | null = null;

  /** `work`: does all pending work, and returns its cost in checks. */
  constructor(clock: Clock, work: () => number) {
    this.#clock = clock;
    this.#work = work;
    this.#ration = new TokenBucket(LOOKS, clock.monotonicMs());
  }

  /** Whether a change has been reported for which the work has not run yet. */
  get isPending(): boolean {
    return this.#cancel !== null;
  }

  /** Reports a change. */
  ask(): void {
    if (this.isPending) return;
    const waitMs = this.#ration.overdrawnForMs(this.#clock.monotonicMs());
    if (waitMs === 0) this.#run();
    else this.#cancel = this.#clock.after(waitMs, () => this.#run());
  }

  /**
   * Reports a change for which the work has to run now. It costs nothing where the budget is already overdrawn, so that
   * deferred work waits for the cost of one run at most, even when a whole room is moved at once.
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

  /** Cancels pending work. */
  end(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
