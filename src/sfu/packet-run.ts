/**
 * Packets of one picture, forwarded together, receiver by receiver:
 *
 *   received        a b c                  one by one, in the order of the socket
 *   transmit ring   a b c │ a b c │ a b c  for each receiver, and not  a a a │ b b b │ c c c
 *
 * So a receiver's state, its cipher's and the slots of the ring are in the caches for all of them, where with fifty receivers
 * each packet would fetch all that anew.
 *
 * Nothing else happens between the packets of a run: who is about to change what forwarding depends on has it forwarded
 * first. So each receiver gets what it would get packet by packet.
 */
import type { TransmitRing } from "../base/transmit-ring.ts";
import type { RtpHeader } from "../rtp/rtp-header.ts";
import { UpPacket } from "./up-packet.ts";
import type { UpStream } from "./up-stream.ts";
import type { UpTrack } from "./up-track.ts";

/** More would leave the caches again, fewer would split the pictures of high bitrates. */
const MAX_PACKETS = 16;

export class PacketRun {
  readonly #packets = Array.from({ length: MAX_PACKETS }, () => new UpPacket());
  #count = 0;
  #track: UpTrack | null = null;
  /** What the packets have in common. */
  #source: object | null = null;
  #ssrc = 0;
  #payloadType = 0;
  #timestamp = 0;
  readonly #ring: TransmitRing;

  constructor(ring: TransmitRing) {
    this.#ring = ring;
  }

  /** To be filled with the next packet that comes, whatever becomes of it. */
  get next(): UpPacket {
    return this.#packets[this.#count]!;
  }

  /** Forwards the run unless the next packet, which came from `source`, is of the same stream and picture. */
  admit(source: object, { ssrc, payloadType, timestamp }: RtpHeader): void {
    const continues =
      timestamp === this.#timestamp &&
      ssrc === this.#ssrc &&
      payloadType === this.#payloadType &&
      source === this.#source;
    if (continues) return;
    this.forward();
    this.#source = source;
    this.#ssrc = ssrc;
    this.#payloadType = payloadType;
    this.#timestamp = timestamp;
  }

  /** Call it before `stream` accepts the next packet. A late one is a run of its own: it may bring a key frame that all missed. */
  precede(stream: UpStream, extSeq: number): void {
    if (extSeq < stream.highestExtSeq) this.forward();
  }

  /** Adds the next packet, which has been kept and is now the run's: `track` is to forward it. */
  add(track: UpTrack, packet: UpPacket): void {
    this.#track = track;
    this.#packets[this.#count++] = packet;
    const isLate = packet.extSeq < packet.highestExtSeq;
    const isLast = packet.header.marker || track.params.kind === "audio";
    if (isLast || isLate || this.#count === MAX_PACKETS) this.forward();
  }

  /** Forwards what has been added. */
  forward(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    const packets = this.#packets;
    this.#track!.forward(packets, count, this.#ring);
    // What was being received when this was called remains the next packet.
    const next = packets[count];
    if (next === undefined) return;
    packets[count] = packets[0]!;
    packets[0] = next;
  }
}
