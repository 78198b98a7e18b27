/**
 * Sums of the shared counters of all media threads.
 *
 * A thread that ends leaves its array behind, so that totals never fall; gauges are read from living threads only.
 */
import { type CounterName, type Counters, SLOT } from "../base/counters.ts";

export class MediaTotals {
  readonly #living = new Map<number, Counters>();
  /** By thread index, the sums of ended threads. */
  readonly #ended = new Map<number, Float64Array>();

  /** The thread of this index has started and writes `counters`. */
  start(thread: number, counters: Counters): void {
    this.end(thread);
    this.#living.set(thread, counters);
  }

  /** The thread of this index has ended; its counters no longer change. */
  end(thread: number): void {
    const counters = this.#living.get(thread);
    if (counters === undefined) return;
    this.#living.delete(thread);
    const before = this.#ended.get(thread);
    this.#ended.set(
      thread,
      Float64Array.from(counters, (value, slot) => value + (before?.[slot] ?? 0)),
    );
  }

  /** Over all threads, ended ones too. */
  total(name: CounterName): number {
    return this.threads.reduce((sum, thread) => sum + this.totalOf(thread, name), 0);
  }

  totalOf(thread: number, name: CounterName): number {
    const slot = SLOT[name];
    return (this.#ended.get(thread)?.[slot] ?? 0) + (this.#living.get(thread)?.[slot] ?? 0);
  }

  /** The current value of a gauge in each living thread. */
  *present(name: CounterName): Iterable<readonly [thread: number, value: number]> {
    for (const [thread, counters] of this.#living) yield [thread, counters[SLOT[name]]!];
  }

  /** Indexes of all threads, ended ones too. */
  get threads(): readonly number[] {
    return [...new Set([...this.#ended.keys(), ...this.#living.keys()])];
  }
}
