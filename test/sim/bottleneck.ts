/**
 * The narrowest hop of a path: sends packets one after the other at its rate, and holds the others in a queue of
 * limited length. Packets that find the queue full are dropped (drop-tail), as in routers and modems.
 */

/** Length of the queue: in bytes, or as the time that it takes at the rate. */
export type QueueLimit = { readonly bytes: number } | { readonly ms: number };

interface Waiting<T> {
  readonly item: T;
  readonly bytes: number;
}

/** Sent packets are removed from the queue's array when there are so many. */
const TRIM = 1024;

export class Bottleneck<T> {
  #rateBps: number;
  #limit: QueueLimit;
  /** `#queue[#first]` is being sent, those after it wait. */
  #queue: Waiting<T>[] = [];
  #first = 0;
  /** Bytes of all packets in the queue, including all of the one being sent. */
  #queuedBytes = 0;
  /** Rest of the first packet at `#sinceUs`, when it became the first or the rate changed. */
  #leftBits = 0;
  #sinceUs = 0;

  /** `rateBps` may be 0: then all packets wait. */
  constructor(rateBps: number, limit: QueueLimit) {
    this.#rateBps = rateBps;
    this.#limit = limit;
  }

  /** When the first packet will have been sent; Infinity when the queue is empty. */
  get nextUs(): number {
    if (this.#first === this.#queue.length) return Number.POSITIVE_INFINITY;
    return this.#sinceUs + (this.#leftBits * 1_000_000) / this.#rateBps;
  }

  /** Packets that were sent before `nowUs` must have been taken. Returns false when the packet is dropped. */
  offer(nowUs: number, item: T, bytes: number): boolean {
    const idle = this.#first === this.#queue.length;
    if (!idle && this.backlogBytes(nowUs) + bytes > this.#limitBytes) return false;
    this.#queue.push({ item, bytes });
    this.#queuedBytes += bytes;
    if (idle) this.#start(nowUs);
    return true;
  }

  /** Removes the first packet, which has been sent at `nextUs`. */
  take(): T {
    const goneUs = this.nextUs;
    const { item, bytes } = this.#queue[this.#first++]!;
    this.#queuedBytes -= bytes;
    if (this.#first >= TRIM) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    this.#start(goneUs);
    return item;
  }

  /** Bytes waiting, and the rest of the packet that is being sent. */
  backlogBytes(nowUs: number): number {
    const first = this.#queue[this.#first];
    return first === undefined ? 0 : this.#queuedBytes - first.bytes + this.#left(nowUs) / 8;
  }

  /** How long a packet that arrives now would wait. */
  waitUs(nowUs: number): number {
    const bytes = this.backlogBytes(nowUs);
    return bytes === 0 ? 0 : (bytes * 8_000_000) / this.#rateBps;
  }

  /** Queued packets stay, whatever the new limit. */
  change(nowUs: number, rateBps: number, limit: QueueLimit): void {
    this.#leftBits = this.#left(nowUs);
    this.#sinceUs = nowUs;
    this.#rateBps = rateBps;
    this.#limit = limit;
  }

  #start(nowUs: number): void {
    const first = this.#queue[this.#first];
    this.#leftBits = first === undefined ? 0 : first.bytes * 8;
    this.#sinceUs = nowUs;
  }

  #left(nowUs: number): number {
    return Math.max(0, this.#leftBits - ((nowUs - this.#sinceUs) * this.#rateBps) / 1_000_000);
  }

  get #limitBytes(): number {
    return "bytes" in this.#limit ? this.#limit.bytes : (this.#rateBps * this.#limit.ms) / 8000;
  }
}
