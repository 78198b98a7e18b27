/**
 * Reassembly of one stream: its received chunks, until they make messages that are due (RFC 9260 §6.5, §6.6, §6.9).
 *
 * It replaces werift's, which does not deliver a complete message when other streams' chunks came in between, and searches
 * for the position of each chunk from the beginning.
 */
import { FIRST_FRAGMENT, LAST_FRAGMENT, tsnAhead, tsnPlus, UNORDERED } from "./sctp-packet.ts";

/** The fields of werift's DATA chunk that we read. */
export interface IncomingChunk {
  readonly tsn: number;
  readonly flags: number;
  readonly streamId: number;
  readonly streamSeqNum: number;
  /** Payload protocol identifier. */
  readonly protocol: number;
  readonly userData: Uint8Array;
}

/**
 * Streams for which we keep state: 0 to 31, so that a peer may open 16 channels, and we as many (RFC 8832 §6); peers take
 * the lowest that is free, and a client of LiveKit's protocol needs three. Larger: more state for one peer. Smaller: an
 * application with more channels is refused some. INIT ACK announces all streams, as RFC 8831 §6.2 asks: if it announced
 * fewer, a peer would ask for more (RFC 6525 §4.5) and wait, instead of learning that it is refused.
 */
export const MAX_STREAMS = 32;

export type IncomingMessage = [streamId: number, ppid: number, payload: Buffer];

export class IncomingStream {
  /** By ascending TSN. */
  #chunks: IncomingChunk[] = [];
  /** Sequence number of the ordered message that is due. */
  #due = 0;

  get heldChunks(): number {
    return this.#chunks.length;
  }

  /** Their payload, in bytes. */
  get heldBytes(): number {
    return this.#chunks.reduce((sum, { userData }) => sum + userData.length, 0);
  }

  /** Must be called once for each TSN. */
  addChunk(chunk: IncomingChunk): void {
    let at = this.#chunks.length;
    while (at > 0 && tsnAhead(chunk.tsn, this.#chunks[at - 1]!.tsn) > 0) at--;
    this.#chunks.splice(at, 0, chunk);
  }

  /** Removes and yields the messages that are complete and due. */
  *popMessages(): Generator<IncomingMessage> {
    for (let found = this.#find(); found !== undefined; found = this.#find()) {
      const [start, count] = found;
      const chunks = this.#chunks.splice(start, count);
      const { streamId, protocol, flags } = chunks[0]!;
      if ((flags & UNORDERED) === 0) this.#due = (this.#due + 1) & 0xffff;
      yield [streamId, protocol, Buffer.concat(chunks.map(({ userData }) => userData))];
    }
  }

  /**
   * The peer has abandoned messages up to `cumulativeTsn`, and up to the sequence number `last` if they were ordered
   * (RFC 3758 §3.6). Drops their fragments and returns their size in bytes.
   */
  skip(cumulativeTsn: number, last: number | undefined): number {
    const kept: IncomingChunk[] = [];
    let bytes = 0;
    for (const chunk of this.#chunks) {
      if (isSkipped(chunk, cumulativeTsn, last)) bytes += chunk.userData.length;
      else kept.push(chunk);
    }
    this.#chunks = kept;
    if (last !== undefined && sequenceAhead(this.#due, last) >= 0) this.#due = (last + 1) & 0xffff;
    return bytes;
  }

  /** The position of a complete message, if it is due. */
  #find(): readonly [start: number, count: number] | undefined {
    const chunks = this.#chunks;
    let start = -1;
    // Runs over all held chunks for each new one: an iterator would be ten times as slow.
    for (let at = 0; at < chunks.length; at++) {
      const chunk = chunks[at]!;
      const { flags } = chunk;
      if ((flags & FIRST_FRAGMENT) !== 0) start = at;
      else if (start >= 0 && chunk.tsn !== tsnPlus(chunks[at - 1]!.tsn, 1)) start = -1;
      if ((flags & LAST_FRAGMENT) === 0 || start < 0) continue;
      if (this.#isDue(chunk)) return [start, at + 1 - start];
      start = -1;
    }
    return undefined;
  }

  #isDue({ flags, streamSeqNum }: IncomingChunk): boolean {
    return (flags & UNORDERED) !== 0 || streamSeqNum === this.#due;
  }
}

/**
 * A stream beyond MAX_STREAMS. Its chunks are accepted, because otherwise they would be retransmitted and hold up all other
 * streams, and passed on one by one, so that a request for a channel is answered.
 */
export class UnkeptStream {
  #chunk: IncomingChunk | undefined;

  addChunk(chunk: IncomingChunk): void {
    this.#chunk = chunk;
  }

  *popMessages(): Generator<IncomingMessage> {
    const { streamId, protocol, userData } = this.#chunk!;
    yield [streamId, protocol, Buffer.from(userData)];
  }
}

/** Whether a fragment's message will never be complete; one that only waits for its turn will be delivered. */
function isSkipped(chunk: IncomingChunk, cumulativeTsn: number, last: number | undefined): boolean {
  if (tsnAhead(cumulativeTsn, chunk.tsn) > 0) return false;
  if ((chunk.flags & UNORDERED) !== 0) return true;
  return last !== undefined && sequenceAhead(last, chunk.streamSeqNum) <= 0;
}

/** How far `sequence` is ahead of `reference`, modulo 2^16. */
function sequenceAhead(reference: number, sequence: number): number {
  return ((sequence - reference) << 16) >> 16;
}
