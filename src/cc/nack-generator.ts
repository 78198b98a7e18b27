/**
 * Decides which packets of one incoming stream to NACK (RFC 4585 §6.2.1), and when to give up and ask for a key frame.
 * Sequence numbers are extended, so wraps need no care. The caller polls about every 10 ms.
 */

/**
 * How long a packet may just be late. Longer delays every repair by as much; shorter asks for packets that were only
 * reordered.
 */
const REORDERING_US = 15_000;

/** Least time between two requests for a packet: a shorter one asks a near peer again for what it has already sent. */
const MIN_RETRY_US = 20_000;

/** Requests for one packet. More helps at heavy loss only, where a key frame comes sooner. */
const MAX_TRIES = 10;

/** After this a packet is of no use: its frame has long been due. */
const MAX_AGE_US = 1_000_000;

/**
 * Packets missing at once, most of a second of video. More is an interruption (a sleeping laptop, a lost link) for which a
 * key frame is smaller than the repair; a lower limit would ask for key frames where a NACK would do.
 */
const MAX_MISSING = 256;

interface Missing {
  readonly sinceUs: number;
  /** When it was last asked for; `sinceUs` before that. */
  askedUs: number;
  tries: number;
}

export class NackGenerator {
  /** Something was lost for good: decoding goes on from the next key frame. The caller resets it. */
  gaveUp = false;
  #highest = -1;
  readonly #missing = new Map<number, Missing>();

  /** A packet came, first or late, on its own or as a retransmission. */
  onPacket(extSeq: number, nowUs: number): void {
    if (extSeq <= this.#highest) {
      this.#missing.delete(extSeq);
      return;
    }
    const next = this.#highest < 0 ? extSeq : this.#highest + 1;
    this.#highest = extSeq;
    if (this.#missing.size + extSeq - next > MAX_MISSING) {
      this.#missing.clear();
      this.gaveUp = true;
      return;
    }
    for (let lost = next; lost < extSeq; lost++) {
      this.#missing.set(lost, { sinceUs: nowUs, askedUs: nowUs, tries: 0 });
    }
  }

  /** Whether packets are missing that will be asked for. */
  get isRepairing(): boolean {
    return this.#missing.size > 0;
  }

  /** Writes the sequence numbers to ask for now to `out`, ascending modulo 2^16. Returns how many. */
  poll(nowUs: number, rttUs: number, out: Uint16Array): number {
    const retryUs = Math.max(rttUs, MIN_RETRY_US);
    let count = 0;
    for (const [extSeq, packet] of this.#missing) {
      if (nowUs - packet.askedUs < (packet.tries === 0 ? REORDERING_US : retryUs)) continue;
      if (packet.tries >= MAX_TRIES || nowUs - packet.sinceUs > MAX_AGE_US) {
        this.#missing.delete(extSeq);
        this.gaveUp = true;
        continue;
      }
      if (count === out.length) break;
      packet.askedUs = nowUs;
      packet.tries += 1;
      out[count++] = extSeq & 0xffff;
    }
    return count;
  }
}
