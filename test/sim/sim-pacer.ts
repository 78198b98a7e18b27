/** A browser's pacer between encoder and network: frames leave as a stream, not as bursts. Retransmissions go first. */

/** libwebrtc paces at 2.5 times its target: a frame is sent before the next, and a queue drains. */
const PACING_FACTOR = 2.5;

interface Paced {
  readonly bytes: number;
}

export class SimPacer<T extends Paced> {
  readonly #usPerByte: number;
  #media: T[] = [];
  #repairs: T[] = [];
  /** `#media[#first]` is next. */
  #first = 0;
  /** When the next packet may be sent. */
  #freeUs = 0;

  constructor(targetBps: number) {
    this.#usPerByte = 8_000_000 / (PACING_FACTOR * targetBps);
  }

  push(packet: T): void {
    this.#media.push(packet);
  }

  pushRepair(packet: T): void {
    this.#repairs.push(packet);
  }

  /** The next packet that may be sent at `nowUs`, or undefined. */
  next(nowUs: number): T | undefined {
    if (this.#freeUs > nowUs) return undefined;
    const packet = this.#repairs.shift() ?? this.#nextMedia();
    if (packet === undefined) return undefined;
    // Idle time is not accumulated: it would cause a burst.
    this.#freeUs = Math.max(this.#freeUs, nowUs - 1_000) + packet.bytes * this.#usPerByte;
    return packet;
  }

  #nextMedia(): T | undefined {
    const packet = this.#media[this.#first];
    if (packet === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#media.length) {
      this.#media = [];
      this.#first = 0;
    }
    return packet;
  }
}
