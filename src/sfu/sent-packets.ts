/**
 * What one down track sent lately: from the outgoing sequence number back to the publisher's packet, with the
 * rewriting that was in force, so that a retransmission (RFC 4588) is the same packet again.
 */

/** Packets remembered, a power of two: what `PacketHistory` keeps of one stream. */
const ROWS = 512;
const MASK = ROWS - 1;

/** `sourceExtSeq` of a packet that is none of the publisher's: padding alone. */
export const NO_SOURCE = -1;

/** Columns are made at the first packet: 29 KiB that somebody who only waits for a track does not need. */
export class SentPackets {
  #outExtSeq = new Float64Array(0);
  sourceExtSeq = new Float64Array(0);
  /** Index of the UpStream within its track. */
  encoding = new Uint8Array(0);
  /** As sent; -1 in the last three where the packet has no such number. */
  timestamp = new Uint32Array(0);
  frameNumber = new Int32Array(0);
  pictureId = new Float64Array(0);
  tl0PicIdx = new Int16Array(0);
  marker = new Uint8Array(0);
  resentUs = new Float64Array(0);
  /** Transport-wide number under which it left last, extended. */
  transportExtSeq = new Float64Array(0);

  /** Takes the row for `outExtSeq`; the caller fills its columns. */
  add(outExtSeq: number): number {
    if (this.#outExtSeq.length === 0) this.#allocate();
    const row = outExtSeq & MASK;
    this.#outExtSeq[row] = outExtSeq;
    this.resentUs[row] = Number.NEGATIVE_INFINITY;
    return row;
  }

  /** Takes the row for an empty packet. */
  addEmpty(outExtSeq: number, timestamp: number): void {
    const row = this.add(outExtSeq);
    this.sourceExtSeq[row] = NO_SOURCE;
    this.encoding[row] = 0;
    this.marker[row] = 0;
    this.timestamp[row] = timestamp;
    this.frameNumber[row] = -1;
    this.pictureId[row] = -1;
    this.tl0PicIdx[row] = -1;
  }

  /** The row of `outExtSeq`, or -1 when it was never sent or is forgotten. */
  find(outExtSeq: number): number {
    const row = outExtSeq & MASK;
    return this.#outExtSeq[row] === outExtSeq ? row : -1;
  }

  /** The number in `row`. */
  outExtSeq(row: number): number {
    return this.#outExtSeq[row]!;
  }

  /** The source changed: numbers sent before lead nowhere. */
  clear(): void {
    this.#outExtSeq.fill(-1);
  }

  #allocate(): void {
    this.#outExtSeq = new Float64Array(ROWS).fill(-1);
    this.sourceExtSeq = new Float64Array(ROWS);
    this.encoding = new Uint8Array(ROWS);
    this.timestamp = new Uint32Array(ROWS);
    this.frameNumber = new Int32Array(ROWS);
    this.pictureId = new Float64Array(ROWS);
    this.tl0PicIdx = new Int16Array(ROWS);
    this.marker = new Uint8Array(ROWS);
    this.resentUs = new Float64Array(ROWS);
    this.transportExtSeq = new Float64Array(ROWS);
  }
}
