/**
 * A decoder that follows frame references, and records which pictures it would have shown. A picture that is complete
 * only after its successor is not shown at all.
 */
import type { CompleteFrame } from "./frame-assembler.ts";
import { SimPlayout } from "./sim-playout.ts";

/** Frames that wait for missing references. After more than a second of them, a key frame is needed. */
const WAITING = 90;
/** Decoded frames remembered, by number: references go back by only a few. */
const REMEMBERED = 64;

export interface ShownPicture {
  readonly atUs: number;
  /** Encoding or spatial layer of its top frame. */
  readonly layer: number;
}

export class SimDecoder {
  /** The last may be in the future. */
  readonly shown: ShownPicture[] = [];
  readonly playout = new SimPlayout();
  /** Sequence number of the frame that was decoded last. */
  #lastExtSeq = Number.NEGATIVE_INFINITY;
  /** `frame` of the frames decoded of each of the publisher's streams, in a ring. */
  readonly #decoded: Float64Array[] = [];
  #waiting: CompleteFrame[] = [];

  /** When the last picture was shown; -Infinity before the first. */
  get shownUs(): number {
    return this.shown.at(-1)?.atUs ?? Number.NEGATIVE_INFINITY;
  }

  decode(frame: CompleteFrame, nowUs: number): void {
    if (frame.extSeq < this.#lastExtSeq) return;
    if (!this.#isDecodable(frame)) {
      this.#waiting.push(frame);
      if (this.#waiting.length > WAITING) this.#waiting.shift();
      return;
    }
    let next: CompleteFrame | undefined = frame;
    while (next !== undefined) {
      this.#show(next, nowUs);
      next = this.#nextDecodable();
    }
  }

  #show({ stream, frame, extSeq, marker, layer, timestamp }: CompleteFrame, nowUs: number): void {
    this.#ring(stream)[frame % REMEMBERED] = frame;
    this.#lastExtSeq = extSeq;
    if (marker) this.shown.push({ atUs: this.playout.show(timestamp, nowUs), layer });
    this.#waiting = this.#waiting.filter((one) => one.extSeq > extSeq);
  }

  /** The first waiting frame whose references have all been decoded by now. */
  #nextDecodable(): CompleteFrame | undefined {
    let first: CompleteFrame | undefined;
    for (const frame of this.#waiting) {
      if (this.#isDecodable(frame) && (first === undefined || frame.extSeq < first.extSeq)) first = frame;
    }
    return first;
  }

  #isDecodable({ stream, reference }: CompleteFrame): boolean {
    return reference === 0 || this.#ring(stream)[reference % REMEMBERED] === reference;
  }

  #ring(stream: number): Float64Array {
    this.#decoded[stream] ??= new Float64Array(REMEMBERED);
    return this.#decoded[stream];
  }
}
