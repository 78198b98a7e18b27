/**
 * Which packet left for a peer under each transport-wide number, repetitions included: what to send again when feedback
 * says that the number never came. Columns, indexed by the number's low bits.
 */
import type { DownStream } from "./down-stream.ts";

/** As many as the estimator remembers fates of. */
const ROWS = 2048;
const MASK = ROWS - 1;

export class TransmissionLog {
  /** Made at the first packet: 32 KiB that somebody who only publishes does not need. */
  #stream: (DownStream | null)[] = [];
  #outExtSeq = new Float64Array(0);

  /** `outExtSeq` of `stream` leaves under `transportExtSeq`; a null stream is padding. */
  add(transportExtSeq: number, stream: DownStream | null, outExtSeq: number): void {
    if (this.#stream.length === 0) this.#allocate();
    const row = transportExtSeq & MASK;
    this.#stream[row] = stream;
    this.#outExtSeq[row] = outExtSeq;
  }

  /** Whose packet it was; null when it was padding. For numbers that the estimator still knows. */
  stream(transportExtSeq: number): DownStream | null {
    return this.#stream[transportExtSeq & MASK] ?? null;
  }

  outExtSeq(transportExtSeq: number): number {
    return this.#outExtSeq[transportExtSeq & MASK]!;
  }

  #allocate(): void {
    this.#stream = new Array(ROWS).fill(null);
    this.#outExtSeq = new Float64Array(ROWS);
  }
}
