/** One track in a pipe, at the thread where it is published: another receiver of it, for all those in another thread. */
import { type Counters, SLOT } from "../base/counters.ts";
import type { PacketPipe } from "../base/packet-pipe.ts";
import type { UpPacket } from "./up-packet.ts";

export class TrackPipe {
  /** The thread at the other end. */
  readonly to: number;
  /** The track's number in this pipe. */
  readonly channel: number;
  readonly #pipe: PacketPipe;
  readonly #counters: Counters;
  /** Bit i: packets of encoding i were lost to all at the other end, and none has got through since. */
  #broken = 0;

  constructor(to: number, pipe: PacketPipe, channel: number, counters: Counters) {
    this.to = to;
    this.#pipe = pipe;
    this.channel = channel;
    this.#counters = counters;
  }

  /** Loses the packet where the pipe is full. Returns whether it is the first to get through after such a loss. */
  write({ encoding, bytes, length, extSeq, receivedUs }: UpPacket): boolean {
    const written = this.#pipe.writePacket(this.channel, encoding, bytes, length, extSeq, receivedUs);
    this.#counters[written ? SLOT.pipedPackets_sent : SLOT.downDropped_pipe_full]! += 1;
    const bit = 1 << encoding;
    const wasBroken = (this.#broken & bit) !== 0;
    this.#broken = written ? this.#broken & ~bit : this.#broken | bit;
    return written && wasBroken;
  }

  writeClock(encoding: number, ntpUs: number, timestamp: number, receivedUs: number): void {
    this.#pipe.writeClock(this.channel, encoding, ntpUs, timestamp, receivedUs);
  }

  writeBye(encoding: number, receivedUs: number): void {
    this.#pipe.writeBye(this.channel, encoding, receivedUs);
  }
}
