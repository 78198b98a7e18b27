/** Reads bits, most significant first. Past the end it returns zeros and sets `overrun`. */
export class BitReader {
  overrun = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** Starts at the first bit of `bytes[at, at + length)`. */
  reset(bytes: Uint8Array, at: number, length: number): void {
    this.#bytes = bytes;
    this.#at = at * 8;
    this.#end = (at + length) * 8;
    this.overrun = false;
  }

  /** An unsigned number of `count` bits, at most 32. */
  read(count: number): number {
    if (this.#at + count > this.#end) {
      this.overrun = true;
      this.#at = this.#end;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < count; i++) {
      value = value * 2 + ((this.#bytes[this.#at >> 3]! >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  /** ns(n) of the AV1 specification (§4.10.7): a number below `n` in as few bits as possible. */
  readNonSymmetric(n: number): number {
    let bits = 0;
    for (let rest = n; rest !== 0; rest >>= 1) bits += 1;
    const short = (1 << bits) - n;
    const value = this.read(bits - 1);
    return value < short ? value : value * 2 - short + this.read(1);
  }
}
