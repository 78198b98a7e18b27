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

  constructor(to: number, pipe: PacketPipe, channel: number, counters: Counters) {
    this.to = to;
    this.#pipe = pipe;
    this.channel = channel;
    this.#counters = counters;
  }

  /** Returns false when it is full: then the packet is lost to all behind it. */
  write({ encoding, bytes, length, extSeq, receivedUs }: UpPacket): boolean {
    const written = this.#pipe.writePacket(this.channel, encoding, bytes, length, extSeq, receivedUs);
    this.#counters[written ? SLOT.pipedPackets_sent : SLOT.downDropped_pipe_full]! += 1;
    return written;
  }

  writeClock(encoding: number, ntpUs: number, timestamp: number, receivedUs: number): void {
    this.#pipe.writeClock(this.channel, encoding, ntpUs, timestamp, receivedUs);
  }

  writeBye(encoding: number, receivedUs: number): void {
    this.#pipe.writeBye(this.channel, encoding, receivedUs);
  }
}
