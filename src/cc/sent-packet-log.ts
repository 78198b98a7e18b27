/**
 * What was sent under which transport-wide number, and what became of it.
 *
 * Columns indexed by the number's low bits. A number that feedback names is looked up once; one that was never sent, or
 * so long ago that its row was used again, is unknown, whatever the feedback claims.
 */
import { extendSeq } from "../base/sequence.ts";

/**
 * Packets remembered, a power of two: 20 Mbit/s of 1,200-byte packets for a second. More costs 11 bytes each in every
 * transport, fewer forgets what a slow path has yet to acknowledge.
 */
const ROWS = 2048;
const MASK = ROWS - 1;

/** What feedback has said of a packet. */
export const FATE = { unknown: 0, lost: 1, received: 2, unreported: 3 } as const;

export const UNKNOWN_PACKET = -1;

export class SentPacketLog {
  /** Extended number of the next packet; one cycle up, so that no number before the first is negative. */
  nextExtSeq = 0x10000;
  /** Made at the first packet. */
  #sentUs = new Float64Array(0);
  #bytes = new Uint16Array(0);
  #fate = new Uint8Array(0);
  #firstExtSeq = this.nextExtSeq;

  /** `bytes`: on the wire, at most 65,535. */
  onSent(bytes: number, nowUs: number): void {
    if (this.#fate.length === 0) this.#allocate();
    const row = this.nextExtSeq & MASK;
    this.#sentUs[row] = nowUs;
    this.#bytes[row] = bytes;
    this.#fate[row] = FATE.unknown;
    this.nextExtSeq += 1;
  }

  /** The packet that the wire number `seq` means, as an extended number, or UNKNOWN_PACKET. */
  find(seq: number): number {
    const extSeq = extendSeq(this.nextExtSeq, seq);
    return extSeq < this.nextExtSeq && extSeq >= this.oldestExtSeq ? extSeq : UNKNOWN_PACKET;
  }

  get oldestExtSeq(): number {
    const oldestRow = this.nextExtSeq - ROWS;
    return oldestRow > this.#firstExtSeq ? oldestRow : this.#firstExtSeq;
  }

  sentUs(extSeq: number): number {
    return this.#sentUs[extSeq & MASK]!;
  }

  bytes(extSeq: number): number {
    return this.#bytes[extSeq & MASK]!;
  }

  fate(extSeq: number): number {
    return this.#fate[extSeq & MASK]!;
  }

  /** Returns whether that is news: feedback may repeat itself. */
  markReceived(extSeq: number): boolean {
    const row = extSeq & MASK;
    if (this.#fate[row] === FATE.received) return false;
    this.#fate[row] = FATE.received;
    return true;
  }

  markUnreported(extSeq: number): boolean {
    const row = extSeq & MASK;
    if (this.#fate[row] !== FATE.unknown) return false;
    this.#fate[row] = FATE.unreported;
    return true;
  }

  /** `count` packets before the one with wire number `seq` did not come, unless they are known to have come since. */
  markLost(seq: number, count: number): void {
    const end = this.find((seq - 1) & 0xffff) + 1;
    const from = Math.max(end - count, this.oldestExtSeq);
    for (let extSeq = from; extSeq < end; extSeq++) {
      const row = extSeq & MASK;
      if (this.#fate[row] !== FATE.received) this.#fate[row] = FATE.lost;
    }
  }

  #allocate(): void {
    this.#sentUs = new Float64Array(ROWS);
    this.#bytes = new Uint16Array(ROWS);
    this.#fate = new Uint8Array(ROWS);
  }
}
