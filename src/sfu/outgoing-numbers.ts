/**
 * The numbers of one outgoing stream: sequence, timestamp, picture id and TL0PICIDX of VP8 and VP9, DD frame number.
 *
 * To the receiver it is one stream from one encoder, whatever encodings or tracks it is put together from. At every
 * switch all offsets are set so that the first packet of the new source follows the last of the old one.
 */
import { timestampDelta } from "../base/sequence.ts";
import { Renumbering } from "./renumbering.ts";
import type { SenderClock } from "./sender-clock.ts";
import type { UpPacket } from "./up-packet.ts";

const US_PER_SECOND = 1_000_000;

/**
 * A mapping by sender reports that differs by more than this from the elapsed time is ignored: a publisher's clocks may be
 * reset. Smaller would ignore real encoder delays, larger would let lip sync drift.
 */
const MAX_CLOCK_ERROR_US = 1_000_000;

/** Least step between the last old and the first new timestamp, so that no two pictures share one. */
const MIN_STEP_US = 1_000;

export class OutgoingNumbers {
  readonly seq: Renumbering;
  readonly pictureId = new Renumbering(0);
  timestampOffset = 0;
  tl0PicIdxOffset = 0;
  frameNumberOffset = 0;
  #started = false;
  #lastExtSeq = 0;
  #lastTimestamp = 0;
  #lastSentUs = 0;
  #lastTl0PicIdx = 0;
  #lastFrameNumber = 0;

  /** `firstSeq` below 2^15 keeps the first rollover far away (RFC 3711 §3.3.1). */
  constructor(firstSeq: number) {
    this.seq = new Renumbering(firstSeq);
  }

  /**
   * Continues the stream with `packet`. `from` is the clock of the encoding sent until now and `to` that of the
   * packet's, when both belong to one track: then the capture times decide, else the time that has passed.
   */
  resync(packet: UpPacket, clockRate: number, from: SenderClock | undefined, to: SenderClock): void {
    this.seq.resync(packet.extSeq);
    if (packet.extPictureId >= 0) this.pictureId.resync(packet.extPictureId);
    this.tl0PicIdxOffset = (this.#lastTl0PicIdx + 1 - packet.tl0PicIdx) & 0xff;
    this.frameNumberOffset = (this.#lastFrameNumber + 1 - packet.frame.frameNumber) & 0xffff;
    if (!this.#started) {
      this.#started = true;
      this.timestampOffset = 0;
      return;
    }
    const wanted = this.#continued(packet, clockRate, from, to);
    this.timestampOffset = (wanted - packet.header.timestamp) >>> 0;
  }

  /** Of the latest packet that was numbered. */
  get lastTimestamp(): number {
    return this.#lastTimestamp;
  }

  /**
   * Remembers the packet that went out under `extSeq` if it is the newest; late packets change nothing. The numbers tell, not
   * the timestamps: after a silence of 2^31 ticks, which is six hours of video, all that follows would look late.
   */
  onSent(packet: UpPacket, extSeq: number): void {
    if (extSeq < this.#lastExtSeq) return;
    this.#lastExtSeq = extSeq;
    this.#lastTimestamp = (packet.header.timestamp + this.timestampOffset) >>> 0;
    this.#lastSentUs = packet.receivedUs;
    if (packet.tl0PicIdx >= 0) this.#lastTl0PicIdx = (packet.tl0PicIdx + this.tl0PicIdxOffset) & 0xff;
    const { frameNumber } = packet.frame;
    if (frameNumber >= 0) this.#lastFrameNumber = (frameNumber + this.frameNumberOffset) & 0xffff;
  }

  #continued(packet: UpPacket, clockRate: number, from: SenderClock | undefined, to: SenderClock): number {
    const elapsedUs = packet.receivedUs - this.#lastSentUs;
    const toTicks = (us: number): number => Math.round((us * clockRate) / US_PER_SECOND);
    const byArrival = (this.#lastTimestamp + toTicks(Math.max(elapsedUs, MIN_STEP_US))) >>> 0;
    if (from === undefined || !from.known || !to.known) return byArrival;

    const ntpUs = to.ntpUsAt(packet.header.timestamp, clockRate);
    const byClock = (from.timestampAt(ntpUs, clockRate) + this.timestampOffset) >>> 0;
    if (Math.abs(timestampDelta(byArrival, byClock)) > toTicks(MAX_CLOCK_ERROR_US)) return byArrival;
    const step = timestampDelta(this.#lastTimestamp, byClock);
    return step >= toTicks(MIN_STEP_US) ? byClock : (this.#lastTimestamp + toTicks(MIN_STEP_US)) >>> 0;
  }
}
