/**
 * When a browser sends NACKs (libwebrtc): as soon as a gap is longer than the usual reordering, and then by a timer.
 *
 * A Chromium that only receives knows no RTT, since no browser offers reference times (RFC 3611 §4.4) by itself. It
 * uses its initial value: 98 to 118 ms between two NACKs for one packet were measured on a path of 50.
 */

const ASSUMED_RTT_US = 100_000;
const TIMER_US = 20_000;
const MAX_TRIES = 10;
/** More at once are not repaired: a key frame is needed. */
const MAX_MISSING = 1_000;
/** Reordered packets remembered, and the most numbers to wait for because of them. */
const REMEMBERED = 128;
const MAX_WAIT = 9;

interface Missing {
  /** A NACK is due once this number has arrived. */
  readonly dueExtSeq: number;
  /** When it was last requested; -Infinity before. */
  askedUs: number;
  tries: number;
}

export class NackRequester {
  /** A packet was given up. The caller resets this. */
  gaveUp = false;
  #highest = -1;
  #timerUs = 0;
  readonly #missing = new Map<number, Missing>();
  /** By how many numbers reordered packets were late; and how many of these were late by 0, 1, 2 and so on. */
  readonly #lateness: number[] = [];
  readonly #latenessCounts = new Uint8Array(MAX_WAIT + 1);

  onPacket(extSeq: number, isRtx: boolean): void {
    if (extSeq <= this.#highest) {
      this.#missing.delete(extSeq);
      if (!isRtx) this.#remember(Math.min(this.#highest - extSeq, MAX_WAIT));
      return;
    }
    const next = this.#highest < 0 ? extSeq : this.#highest + 1;
    const wait = next < extSeq ? this.#usualLateness() : 0;
    this.#highest = extSeq;
    for (let lost = next; lost < extSeq; lost++) {
      this.#missing.set(lost, { dueExtSeq: lost + wait, askedUs: Number.NEGATIVE_INFINITY, tries: 0 });
    }
    if (this.#missing.size <= MAX_MISSING) return;
    this.#missing.clear();
    this.gaveUp = true;
  }

  /** To be called about every millisecond. Writes the sequence numbers to request now to `out`; returns how many. */
  poll(nowUs: number, out: Uint16Array): number {
    const timed = nowUs >= this.#timerUs;
    if (timed) this.#timerUs = nowUs + TIMER_US;
    let count = 0;
    for (const [extSeq, packet] of this.#missing) {
      const isNew = packet.tries === 0 && this.#highest >= packet.dueExtSeq;
      const isDue = isNew || (timed && nowUs - packet.askedUs >= ASSUMED_RTT_US);
      if (!isDue || count === out.length) continue;
      packet.askedUs = nowUs;
      packet.tries += 1;
      out[count++] = extSeq & 0xffff;
      if (packet.tries < MAX_TRIES) continue;
      this.#missing.delete(extSeq);
      this.gaveUp = true;
    }
    return count;
  }

  #remember(lateness: number): void {
    this.#lateness.push(lateness);
    this.#latenessCounts[lateness]! += 1;
    if (this.#lateness.length > REMEMBERED) this.#latenessCounts[this.#lateness.shift()!]! -= 1;
  }

  /** The median lateness of reordered packets. */
  #usualLateness(): number {
    let median = 0;
    for (let below = this.#latenessCounts[0]!; 2 * below < this.#lateness.length; median++) {
      below += this.#latenessCounts[median + 1]!;
    }
    return median;
  }
}
