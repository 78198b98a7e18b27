/**
 * The sending of one probe: some bursts at a higher rate than is sent else, of padding beside the media of the time.
 *
 *   sent  │▮▮▮      │▮▮▮      │▮▮▮      │▮▮▮         a burst is what is sent at one instant
 *         └─────────────────────────────┘            its rate: the bytes after the first burst over this time
 */

/** The first one only marks the start. More fill a queue further, fewer measure single bursts. */
const MIN_BURSTS = 4;
/** Bursts come at the caller's ticks: each may be as large as the rate allows until the next. */
const TICK_US = 10_000;

/** A probe that takes longer has too many gaps to measure a rate. */
const TIMEOUT_US = 400_000;

export class ProbeCluster {
  rateBps = 0;
  /** Extended sequence numbers and sending times. */
  firstExtSeq = 0;
  lastExtSeq = 0;
  firstUs = 0;
  lastUs = 0;
  /** After the first burst. */
  bytesAfterFirst = 0;
  #sending = false;
  #spanUs = 0;
  #bytes = 0;
  #bursts = 0;

  get sending(): boolean {
    return this.#sending;
  }

  /** Whether enough was sent to measure a rate. */
  get complete(): boolean {
    return this.#bursts >= MIN_BURSTS && this.lastUs - this.firstUs >= this.#spanUs;
  }

  start(rateBps: number, spanUs: number, nextExtSeq: number, nowUs: number): void {
    this.rateBps = rateBps;
    this.firstExtSeq = nextExtSeq;
    this.lastExtSeq = nextExtSeq - 1;
    this.firstUs = nowUs;
    this.lastUs = nowUs;
    this.bytesAfterFirst = 0;
    this.#sending = true;
    this.#spanUs = spanUs;
    this.#bytes = 0;
    this.#bursts = 0;
  }

  stop(): void {
    this.#sending = false;
  }

  /** Bytes of this tick's burst that are yet to be sent. */
  bytesDue(nowUs: number): number {
    if (!this.#sending) return 0;
    const due = (this.rateBps * (nowUs - this.firstUs + TICK_US)) / 8_000_000 - this.#bytes;
    return due > 0 ? Math.ceil(due) : 0;
  }

  /** Returns false when the packet is not part of the probe: the one before was the last. */
  onSent(extSeq: number, bytes: number, nowUs: number): boolean {
    const newBurst = this.#bursts === 0 || nowUs !== this.lastUs;
    if (newBurst && this.complete) {
      this.#sending = false;
      return false;
    }
    if (this.#bursts === 0) this.firstUs = nowUs;
    else if (nowUs !== this.firstUs) this.bytesAfterFirst += bytes;
    if (newBurst) this.#bursts += 1;
    this.lastExtSeq = extSeq;
    this.lastUs = nowUs;
    this.#bytes += bytes;
    return true;
  }

  isOverdue(nowUs: number): boolean {
    return this.#sending && nowUs - this.firstUs > TIMEOUT_US;
  }
}
