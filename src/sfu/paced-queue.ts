/**
 * Video packets of one peer that have their numbers and wait for the pacer, in the order of their departure.
 *
 * It holds no packets: who sends it and under which number it was remembered. The bytes stay in the publisher's
 * history, from where they are read when their time has come.
 */
import type { DownTrack } from "./down-track.ts";

/**
 * Packets that may wait, a power of two: two seconds at 4 Mbit/s. Larger delivers pictures that are long out of date;
 * smaller drops parts of a key frame that would have got through.
 */
const ROWS = 1024;
const MASK = ROWS - 1;

/** When so many wait, tracks remember more of what they have numbered: half of what they do at first. */
const LONG = 256;

export class PacedQueue {
  /** Bytes that wait, without SRTP tags and lower headers. */
  bytes = 0;
  #head = 0;
  #count = 0;
  /** Allocated at the first packet that waits: for most receivers none ever does. */
  #track: (DownTrack | null)[] = [];
  #extSeq = new Float64Array(0);
  #size = new Uint16Array(0);

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isLong(): boolean {
    return this.#count >= LONG;
  }

  /** Returns false when it is full. */
  push(track: DownTrack, extSeq: number, bytes: number): boolean {
    if (this.#count === ROWS) return false;
    if (this.#track.length === 0) this.#allocate();
    const row = (this.#head + this.#count++) & MASK;
    this.#track[row] = track;
    this.#extSeq[row] = extSeq;
    this.#size[row] = bytes;
    this.bytes += bytes;
    return true;
  }

  /** Takes the oldest out and has its track send it. Not to be called when empty. */
  release(nowUs: number): void {
    const row = this.#head;
    const track = this.#track[row]!;
    this.#track[row] = null;
    this.#head = (row + 1) & MASK;
    this.#count -= 1;
    this.bytes -= this.#size[row]!;
    track.release(this.#extSeq[row]!, nowUs);
  }

  clear(): void {
    this.#track.fill(null);
    this.#count = 0;
    this.bytes = 0;
  }

  #allocate(): void {
    this.#track = new Array(ROWS).fill(null);
    this.#extSeq = new Float64Array(ROWS);
    this.#size = new Uint16Array(ROWS);
  }
}
