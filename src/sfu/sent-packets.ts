/**
 * What one down track sent lately: from the outgoing sequence number back to the publisher's packet, with the
 * rewriting that was in force, so that a retransmission (RFC 4588) is the same packet again.
 */

/** Packets remembered, a power of two: what `PacketHistory` keeps of one stream. */
const ROWS = 512;
const MASK = ROWS - 1;

export class SentPackets {
  readonly #outExtSeq = new Float64Array(ROWS).fill(-1);
  readonly sourceExtSeq = new Float64Array(ROWS);
  /** Index of the UpStream within its track. */
  readonly encoding = new Uint8Array(ROWS);
  /** As sent; -1 in the last three where the packet has no such number. */
  readonly timestamp = new Uint32Array(ROWS);
  readonly frameNumber = new Int32Array(ROWS);
  readonly pictureId = new Float64Array(ROWS);
  readonly tl0PicIdx = new Int16Array(ROWS);
  readonly marker = new Uint8Array(ROWS);
  readonly resentUs = new Float64Array(ROWS);

  /** Takes the row for `outExtSeq`; the caller fills its columns. */
  add(outExtSeq: number): number {
    const row = outExtSeq & MASK;
    this.#outExtSeq[row] = outExtSeq;
    this.resentUs[row] = Number.NEGATIVE_INFINITY;
    return row;
  }

  /** The row of `outExtSeq`, or -1 when it was never sent or is forgotten. */
  find(outExtSeq: number): number {
    const row = outExtSeq & MASK;
    return this.#outExtSeq[row] === outExtSeq ? row : -1;
  }

  /** The source changed: numbers sent before lead nowhere. */
  clear(): void {
    this.#outExtSeq.fill(-1);
  }
}
