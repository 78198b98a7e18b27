/** Which sequence numbers of one stream have been received, with rollovers counted. */
import { extendSeq } from "../../src/base/sequence.ts";

export class SeenNumbers {
  readonly #seen = new Set<number>();
  #first = 0;
  #highest = -1;

  /** The number nearest to the highest that reads `seq` on the wire. */
  extend(seq: number): number {
    return this.#highest < 0 ? seq : extendSeq(this.#highest, seq);
  }

  /** False for a number that was added before. */
  add(extSeq: number): boolean {
    if (this.#seen.has(extSeq)) return false;
    this.#first = this.#highest < 0 ? extSeq : Math.min(this.#first, extSeq);
    this.#highest = Math.max(this.#highest, extSeq);
    this.#seen.add(extSeq);
    return true;
  }

  get count(): number {
    return this.#seen.size;
  }

  /** Numbers between the lowest and the highest that were never received. */
  get gaps(): number {
    return this.#highest < 0 ? 0 : this.#highest - this.#first + 1 - this.#seen.size;
  }
}
