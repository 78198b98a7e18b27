/**
 * Gapless renumbering of what one receiver gets: sequence numbers, and picture ids by the same rule.
 *
 * Numbers in are extended (rollovers counted) and may arrive out of order; some are dropped on purpose (layers),
 * and now and then the source changes. Numbers out run on by one, so that a gap the receiver sees is a real loss.
 *
 *   in    10  11  12d 13d 14      (d: dropped)          out = in + offset
 *   out  500 501          502     offset 490 … 488
 *
 * A late packet needs the offset that held at its place: the last RANGES dropped runs are remembered with theirs.
 */

/**
 * Dropped runs remembered. At one run per dropped frame this is over two seconds of 30 fps; fewer would reject late packets
 * that a receiver could still use, more would only lengthen the search for very late ones.
 */
const RANGES = 64;

/**
 * Missing numbers in a row that are kept free. A longer run is an interruption: no repair reaches back so far, and an SRTP
 * receiver that misses 2^15 numbers loses the rollover counter (RFC 3711 §3.3.1). Smaller would close gaps that a second of
 * repairs could fill.
 */
const MAX_GAP = 1024;

export const NOT_NUMBERED = -1;

export class Renumbering {
  #offset = 0;
  /** Lowest number that belongs to the current source. */
  #firstIn = 0;
  #highestIn = -1;
  #highestOut: number;

  // Ring of dropped runs [start, end] with the offset that held before each, oldest overwritten.
  readonly #start = new Float64Array(RANGES);
  readonly #end = new Float64Array(RANGES);
  readonly #offsetBefore = new Float64Array(RANGES);
  #newest = 0;
  #ranges = 0;

  /** `firstOut`: the first outgoing number. */
  constructor(firstOut: number) {
    this.#highestOut = firstOut - 1;
  }

  /** The highest outgoing number so far; before any, one less than the first. */
  get highestOut(): number {
    return this.#highestOut;
  }

  /** The source restarts at `input`, which gets the next number. Numbers before it are not mapped any more. */
  resync(input: number): void {
    this.#offset = this.#highestOut + 1 - input;
    this.#firstIn = input;
    this.#highestIn = input - 1;
    this.#ranges = 0;
  }

  /** The outgoing number of `input`, or NOT_NUMBERED when it was dropped or is too old. */
  forward(input: number): number {
    if (input <= this.#highestIn) return this.#placeLate(input);
    this.#closeBreak(input);
    this.#highestIn = input;
    this.#highestOut = input + this.#offset;
    return this.#highestOut;
  }

  /**
   * `input` will not be sent: the numbers after it close up, and NOT_NUMBERED is returned. For a late one a number was
   * kept, which is returned: unless something else is sent under it, the receiver takes it for lost.
   */
  drop(input: number): number {
    if (input <= this.#highestIn) return this.#placeLate(input);
    this.#closeBreak(input);
    const gap = input - this.#highestIn - 1;
    if (this.#ranges > 0 && gap === 0 && this.#end[this.#newest] === this.#highestIn) {
      this.#end[this.#newest] = input;
    } else this.#addRange(input, input);
    // Numbers missing before a dropped one are kept free: they may yet arrive.
    this.#highestIn = input;
    this.#highestOut += gap;
    this.#offset -= 1;
    return NOT_NUMBERED;
  }

  /** If too many numbers before `input` are missing to keep free, they count as dropped. */
  #closeBreak(input: number): void {
    const first = this.#highestIn + 1;
    const gap = input - first;
    if (gap <= MAX_GAP) return;
    this.#addRange(first, input - 1);
    this.#highestIn = input - 1;
    this.#offset -= gap;
  }

  #addRange(start: number, end: number): void {
    this.#newest = (this.#newest + 1) % RANGES;
    this.#start[this.#newest] = start;
    this.#end[this.#newest] = end;
    this.#offsetBefore[this.#newest] = this.#offset;
    if (this.#ranges < RANGES) this.#ranges += 1;
  }

  #placeLate(input: number): number {
    if (input < this.#firstIn) return NOT_NUMBERED;
    let offset = this.#offset;
    let at = this.#newest;
    for (let looked = 0; looked < this.#ranges; looked++) {
      if (input > this.#end[at]!) return input + offset;
      if (input >= this.#start[at]!) return NOT_NUMBERED;
      offset = this.#offsetBefore[at]!;
      at = (at + RANGES - 1) % RANGES;
    }
    return this.#ranges < RANGES ? input + offset : NOT_NUMBERED;
  }
}
