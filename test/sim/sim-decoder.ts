/**
 * A decoder that knows which frame refers to which, and notes what it would have shown. What comes later than its
 * successor is not shown at all.
 */
import type { CompleteFrame } from "./frame-assembler.ts";
import { SimPlayout } from "./sim-playout.ts";

/** Frames whose references are missing still. More than a second of them is a matter for a key frame. */
const WAITING = 90;
/** Decoded frames remembered, by their number: references go back by no more than a few. */
const REMEMBERED = 64;

export interface ShownPicture {
  readonly atUs: number;
  /** Encoding or spatial layer of its top frame. */
  readonly layer: number;
}

export class SimDecoder {
  /** The last may still be to come. */
  readonly shown: ShownPicture[] = [];
  readonly playout = new SimPlayout();
  /** Place in what is received of the frame that was decoded last. */
  #lastExtSeq = Number.NEGATIVE_INFINITY;
  /** `frame` of what was decoded of each of the publisher's streams, in a ring. */
  readonly #decoded: Float64Array[] = [];
  #waiting: CompleteFrame[] = [];

  /** When the picture last moved; -Infinity before the first. */
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

  /** The first of those that waited for nothing but what has been decoded by now. */
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
