/**
 * Measures the time that a thread spends in some of the server's methods: they are wrapped, and a random one in eight
 * calls is timed, because reading the clock takes as long as the shortest of them.
 *
 * V8's sampling profiler cannot measure this: a thread is interrupted only at the end of a system call, so a call that
 * sends to fifty receivers is a single sample however long it takes, and all else seems expensive.
 */

/** One call in so many is timed. */
const EVERY = 8;
const CALIBRATIONS = 200_000;

/** Microseconds by part, of all calls since the start. */
export type PartTimes = Readonly<Record<string, number>>;

/** Methods of a class, by the part that they belong to; none may call another timed method. */
export interface ClockedClass {
  readonly part: string;
  readonly prototype: object;
  readonly methods: readonly string[];
}

type Method = (...args: unknown[]) => unknown;

interface Tally {
  clocked: number;
  us: number;
}

export class PartClock {
  readonly #tallies = new Map<string, Tally>();
  /** The overhead of timing in a timed call. */
  readonly #ownUs: number;
  /** State of a linear congruential generator: the choice of timed calls must not follow the rhythm of packets. */
  #random = 1;

  constructor(classes: readonly ClockedClass[]) {
    this.#ownUs = this.#calibrate();
    for (const { part, prototype, methods } of classes) {
      const tally = this.#tallyOf(part);
      for (const method of methods) this.#wrap(prototype as Record<string, Method>, method, tally);
    }
  }

  read(): PartTimes {
    const parts = [...this.#tallies].map(([part, { clocked, us }]) => {
      return [part, (us - clocked * this.#ownUs) * EVERY] as const;
    });
    return Object.fromEntries(parts);
  }

  #tallyOf(part: string): Tally {
    const known = this.#tallies.get(part);
    if (known !== undefined) return known;
    const tally = { clocked: 0, us: 0 };
    this.#tallies.set(part, tally);
    return tally;
  }

  #wrap(prototype: Record<string, Method>, name: string, tally: Tally): void {
    const method = prototype[name]!;
    const isClocked = (): boolean => this.#isClocked();
    prototype[name] = function (this: unknown, ...args: unknown[]): unknown {
      if (!isClocked()) return method.apply(this, args);
      const startMs = performance.now();
      const result = method.apply(this, args);
      tally.us += (performance.now() - startMs) * 1_000;
      tally.clocked += 1;
      return result;
    };
  }

  #isClocked(): boolean {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0;
    return this.#random >>> 29 === 0;
  }

  /** The time of a timed call of an empty method. */
  #calibrate(): number {
    const nothing = { call: () => {} };
    const tally = { clocked: 0, us: 0 };
    this.#wrap(nothing, "call", tally);
    for (let i = 0; i < CALIBRATIONS; i++) nothing.call();
    return tally.us / tally.clocked;
  }
}
