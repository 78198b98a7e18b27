/**
 * SSRCs under which nothing may be sealed any more, as runs of consecutive ones. A subscriber that stays while others come and go
 * has some hundred thousand in the end; control gives them out one after the other (`control/ssrcs.ts`), so there are few runs.
 */
interface Run {
  first: number;
  last: number;
}

export class RetiredSsrcs {
  readonly #runs: Run[] = [];

  has(ssrc: number): boolean {
    return this.#runs.some(({ first, last }) => ssrc >= first && ssrc <= last);
  }

  add(ssrc: number): void {
    if (this.has(ssrc)) return;
    const before = this.#runs.find(({ last }) => last === ssrc - 1);
    const after = this.#runs.find(({ first }) => first === ssrc + 1);
    if (before !== undefined && after !== undefined) {
      before.last = after.last;
      this.#runs.splice(this.#runs.indexOf(after), 1);
    } else if (before !== undefined) before.last = ssrc;
    else if (after !== undefined) after.first = ssrc;
    else this.#runs.push({ first: ssrc, last: ssrc });
  }
}
