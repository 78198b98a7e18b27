/**
 * Which packets of one incoming stream to ask for again (RFC 4585 §6.2.1), and when to give up and want a key frame.
 *
 * Numbers are extended, so a wrap is nothing special. The caller polls about every 10 ms.
 */

/**
 * How long a packet may just be late. Longer delays every repair by as much; shorter asks for packets that were only
 * overtaken.
 */
const REORDERING_US = 15_000;

/** Requests for one packet. More helps at heavy loss only, where a key frame comes sooner. */
const MAX_TRIES = 10;

/** After this a packet is of no use: its frame has long been due. */
const MAX_AGE_US = 1_000_000;

/**
 * A larger hole is no loss to repair but a break (a sleeping laptop, a lost link): what came before it is given up.
 */
const MAX_GAP = 256;

interface Missing {
  readonly sinceUs: number;
  askedUs: number;
  tries: number;
}

export class NackGenerator {
  /** Something was lost for good: decoding goes on from the next key frame. The caller resets it. */
  gaveUp = false;
  #highest = -1;
  readonly #missing = new Map<number, Missing>();

  get missing(): number {
    return this.#missing.size;
  }

  /** A packet came, first or late, on its own or as a retransmission. */
  onPacket(extSeq: number, nowUs: number): void {
    if (this.#highest < 0 || extSeq > this.#highest + MAX_GAP) {
      if (this.#highest >= 0) this.gaveUp = true;
      this.#missing.clear();
      this.#highest = extSeq;
      return;
    }
    if (extSeq <= this.#highest) {
      this.#missing.delete(extSeq);
      return;
    }
    for (let lost = this.#highest + 1; lost < extSeq; lost++) {
      this.#missing.set(lost, { sinceUs: nowUs, askedUs: nowUs - Number.MAX_SAFE_INTEGER, tries: 0 });
    }
    this.#highest = extSeq;
  }

  /** Writes the wire numbers to ask for now to `out`, ascending. Returns how many. */
  poll(nowUs: number, rttUs: number, out: Uint16Array): number {
    let count = 0;
    for (const [extSeq, packet] of this.#missing) {
      if (packet.tries >= MAX_TRIES || nowUs - packet.sinceUs > MAX_AGE_US) {
        this.#missing.delete(extSeq);
        this.gaveUp = true;
        continue;
      }
      if (count === out.length) break;
      if (nowUs - packet.sinceUs < REORDERING_US || nowUs - packet.askedUs < rttUs) continue;
      packet.askedUs = nowUs;
      packet.tries += 1;
      out[count++] = extSeq & 0xffff;
    }
    return count;
  }
}
