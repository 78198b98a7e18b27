/**
 * What was sent under which transport-wide number, and what became of it: columns, indexed by the number's low bits.
 *
 * A number that was never sent, or so long ago that its row has been used again, is unknown here, whatever feedback says
 * of it.
 */
import { extendSeq } from "../base/sequence.ts";

/**
 * Packets remembered, a power of two: 20 Mbit/s of 1,200-byte packets for a second. More costs 11 bytes each in every
 * transport, fewer forgets what a long path has yet to acknowledge.
 */
const ROWS = 2048;
const MASK = ROWS - 1;

/** `unreported`: feedback has gone on beyond the packet without a word of it, so a message was lost. */
export const FATE = { unknown: 0, lost: 1, received: 2, unreported: 3 } as const;

export const UNKNOWN_PACKET = -1;

/** Bytes by what became of them; of those sent, some are of neither fate. */
export interface FateSums {
  sentBytes: number;
  receivedBytes: number;
  lostBytes: number;
}

export class SentPacketLog {
  /** Extended number of the next packet. */
  nextExtSeq: number;
  /** The greatest that was ever called lost. */
  lastLostExtSeq = UNKNOWN_PACKET;
  readonly #firstExtSeq: number;
  /** Made at the first packet: 22 KiB that somebody who only publishes does not need. */
  #sentUs = new Float64Array(0);
  #bytes = new Uint16Array(0);
  #fate = new Uint8Array(0);

  /** `firstExtSeq`: of the first packet; a cycle up at least, so that no number before it is negative. */
  constructor(firstExtSeq = 0x10000) {
    this.nextExtSeq = firstExtSeq;
    this.#firstExtSeq = firstExtSeq;
  }

  /** Of the packets remembered. */
  get oldestExtSeq(): number {
    return Math.max(this.nextExtSeq - ROWS, this.#firstExtSeq);
  }

  onSent(wireBytes: number, nowUs: number): void {
    if (this.#fate.length === 0) this.#allocate();
    const row = this.nextExtSeq & MASK;
    this.#sentUs[row] = nowUs;
    this.#bytes[row] = wireBytes;
    this.#fate[row] = FATE.unknown;
    this.nextExtSeq += 1;
  }

  /** The extended number that `seq` on the wire stands for, sent or not. */
  extend(seq: number): number {
    return extendSeq(this.nextExtSeq, seq);
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

  setReceived(extSeq: number): void {
    this.#fate[extSeq & MASK] = FATE.received;
  }

  /** The `count` packets before `endExtSeq` did not come, but for those of which it is known that they have. */
  setLost(endExtSeq: number, count: number): void {
    const end = Math.min(endExtSeq, this.nextExtSeq);
    for (let extSeq = Math.max(endExtSeq - count, this.oldestExtSeq); extSeq < end; extSeq++) {
      const row = extSeq & MASK;
      if (this.#fate[row] === FATE.received) continue;
      this.#fate[row] = FATE.lost;
      if (extSeq > this.lastLostExtSeq) this.lastLostExtSeq = extSeq;
    }
  }

  /** Nothing was said of the packets from `fromExtSeq` to `endExtSeq`. Returns the bytes of those that this is new of. */
  setUnreported(fromExtSeq: number, endExtSeq: number): number {
    let bytes = 0;
    for (let extSeq = Math.max(fromExtSeq, this.oldestExtSeq); extSeq < endExtSeq; extSeq++) {
      const row = extSeq & MASK;
      if (this.#fate[row] !== FATE.unknown) continue;
      this.#fate[row] = FATE.unreported;
      bytes += this.#bytes[row]!;
    }
    return bytes;
  }

  /**
   * Adds to `sums` what became of the packets from `fromExtSeq` on that were sent until `lastUs`, and before `endUs`. Returns
   * the number after them.
   */
  sum(fromExtSeq: number, lastUs: number, endUs: number, sums: FateSums): number {
    let extSeq = fromExtSeq;
    for (; extSeq < this.nextExtSeq; extSeq++) {
      const row = extSeq & MASK;
      const sentUs = this.#sentUs[row]!;
      if (sentUs > lastUs || sentUs >= endUs) break;
      const bytes = this.#bytes[row]!;
      const fate = this.#fate[row];
      sums.sentBytes += bytes;
      if (fate === FATE.received) sums.receivedBytes += bytes;
      else if (fate === FATE.lost) sums.lostBytes += bytes;
    }
    return extSeq;
  }

  /** In [0, 1], of the bytes up to `lastExtSeq` that were sent after `afterUs`; 0 where there are none. */
  lostShare(lastExtSeq: number, afterUs: number): number {
    let bytes = 0;
    for (let extSeq = lastExtSeq; extSeq >= this.oldestExtSeq && this.sentUs(extSeq) > afterUs; extSeq--) {
      bytes += this.bytes(extSeq);
    }
    return bytes === 0 ? 0 : this.lostBytes(0, lastExtSeq, afterUs) / bytes;
  }

  /** Of the packets from `fromExtSeq` to `lastExtSeq` that were sent after `afterUs`. */
  lostBytes(fromExtSeq: number, lastExtSeq: number, afterUs: number): number {
    let bytes = 0;
    for (let extSeq = Math.max(fromExtSeq, this.oldestExtSeq); extSeq <= lastExtSeq; extSeq++) {
      const row = extSeq & MASK;
      if (this.#fate[row] === FATE.lost && this.#sentUs[row]! > afterUs) bytes += this.#bytes[row]!;
    }
    return bytes;
  }

  #allocate(): void {
    this.#sentUs = new Float64Array(ROWS);
    this.#bytes = new Uint16Array(ROWS);
    this.#fate = new Uint8Array(ROWS);
  }
}
