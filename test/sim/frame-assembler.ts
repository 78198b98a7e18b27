/** Assembles packets of one video stream into frames, in whatever order they come, like a browser's packet buffer. */

/** How far behind the highest number packets may still arrive: some seconds of video. More only costs memory. */
const WINDOW = 2048;

/** What headers say about one packet, and its payload about the frame. */
export interface ReceivedPacket {
  readonly extSeq: number;
  readonly timestamp: number;
  readonly starts: boolean;
  readonly ends: boolean;
  /** The last of its picture: there may be several frames in one (SVC). */
  readonly marker: boolean;
  readonly pictureId: number;
  readonly tl0PicIdx: number;
  readonly frameNumber: number;
  /** Encoding or spatial layer. */
  readonly layer: number;
  readonly temporal: number;
  /** The publisher's stream that it belongs to; frames are counted in each. */
  readonly stream: number;
  readonly frame: number;
  readonly reference: number;
}

/** A frame all of whose packets have been received. */
export interface CompleteFrame extends ReceivedPacket {
  readonly packets: number;
  /** Arrival of its last packet. */
  readonly completeUs: number;
}

export class FrameAssembler {
  /** Frames whose first packet was received. */
  begun = 0;
  /** In the order of their completion. */
  readonly complete: CompleteFrame[] = [];
  readonly #packets = new Map<number, ReceivedPacket>();
  #oldest = Number.POSITIVE_INFINITY;
  #highest = 0;

  /** Each number once. Returns the frame that this packet completes. */
  add(packet: ReceivedPacket, nowUs: number): CompleteFrame | undefined {
    const { extSeq } = packet;
    this.#packets.set(extSeq, packet);
    if (packet.starts) this.begun += 1;
    this.#forget(extSeq);
    let first: ReceivedPacket | undefined = packet;
    while (first !== undefined && !first.starts) first = this.#neighbour(first, -1);
    let last: ReceivedPacket | undefined = packet;
    while (last !== undefined && !last.ends) last = this.#neighbour(last, 1);
    if (first === undefined || last === undefined) return undefined;
    const packets = last.extSeq - first.extSeq + 1;
    const frame = { ...first, marker: last.marker, packets, completeUs: nowUs };
    this.complete.push(frame);
    return frame;
  }

  /** The neighbouring packet, if of the same frame: frames that the server left out leave no gap in the numbers. */
  #neighbour({ extSeq, stream, frame }: ReceivedPacket, step: 1 | -1): ReceivedPacket | undefined {
    const found = this.#packets.get(extSeq + step);
    return found?.stream === stream && found.frame === frame ? found : undefined;
  }

  #forget(extSeq: number): void {
    this.#oldest = Math.min(this.#oldest, extSeq);
    this.#highest = Math.max(this.#highest, extSeq);
    while (this.#oldest < this.#highest - WINDOW) this.#packets.delete(this.#oldest++);
  }
}
