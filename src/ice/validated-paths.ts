/**
 * The few paths from which one peer has sent an authentic check, each with the time of its latest.
 *
 * Each is pinned in the thread's path table, so that its id keeps meaning that address as long as it is listed here.
 */
import type { PathId } from "../base/ids.ts";
import type { PathTable } from "../base/path-table.ts";

/**
 * A browser checks from each of its interfaces and relays over IPv4 and IPv6: rarely more than six. Fewer would forget
 * paths that it may still choose; more would let a peer with many addresses pin more rows of the path table.
 */
const MAX_PATHS = 8;

export class ValidatedPaths {
  readonly #table: PathTable;
  /** Columns, indexed in [0, #count). */
  readonly #path = new Int32Array(MAX_PATHS);
  readonly #checkedUs = new Float64Array(MAX_PATHS);
  readonly #nominated = new Uint8Array(MAX_PATHS);
  #count = 0;

  constructor(table: PathTable) {
    this.#table = table;
  }

  has(path: PathId): boolean {
    return this.#find(path) >= 0;
  }

  /** Whether the peer has ever nominated `path`. */
  isNominated(path: PathId): boolean {
    const at = this.#find(path);
    return at >= 0 && this.#nominated[at] === 1;
  }

  /** Marks a validated path as nominated. */
  nominate(path: PathId): void {
    this.#nominated[this.#find(path)] = 1;
  }

  /** A check came from `path`. When the list is full, the path longest without a check is dropped, never `selected`. */
  validate(path: PathId, nowUs: number, selected: PathId): void {
    let at = this.#find(path);
    if (at < 0) {
      if (this.#count === MAX_PATHS) this.#removeAt(this.#stalest(selected));
      this.#table.pin(path);
      at = this.#count++;
      this.#path[at] = path;
      this.#nominated[at] = 0;
    }
    this.#checkedUs[at] = nowUs;
  }

  /** All checks count as made `us` later, but not later than now. */
  postpone(us: number, nowUs: number): void {
    for (let at = 0; at < this.#count; at++) this.#checkedUs[at] = Math.min(this.#checkedUs[at]! + us, nowUs);
  }

  /** Removes the paths whose latest check came before `beforeUs`. */
  expire(beforeUs: number): void {
    for (let at = this.#count - 1; at >= 0; at--) {
      if (this.#checkedUs[at]! < beforeUs) this.#removeAt(at);
    }
  }

  remove(path: PathId): void {
    const at = this.#find(path);
    if (at >= 0) this.#removeAt(at);
  }

  #find(path: PathId): number {
    for (let at = 0; at < this.#count; at++) if (this.#path[at] === path) return at;
    return -1;
  }

  #stalest(selected: PathId): number {
    let stalest = this.#path[0] === selected ? 1 : 0;
    for (let at = stalest + 1; at < this.#count; at++) {
      if (this.#path[at] !== selected && this.#checkedUs[at]! < this.#checkedUs[stalest]!) stalest = at;
    }
    return stalest;
  }

  #removeAt(at: number): void {
    this.#table.unpin(this.#path[at] as PathId);
    this.#count -= 1;
    this.#path[at] = this.#path[this.#count]!;
    this.#checkedUs[at] = this.#checkedUs[this.#count]!;
    this.#nominated[at] = this.#nominated[this.#count]!;
  }
}
