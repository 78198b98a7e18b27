/**
 * The outgoing stream of one down track: its SSRC, numbers, what it sent lately, and its RTX partner (RFC 4588).
 *
 * Decides nothing: `DownTrack` says what to send, this writes it into the transmit ring.
 */

import { writeU16 } from "../base/bytes.ts";
import { type Counters, SLOT } from "../base/counters.ts";
import type { Ssrc } from "../base/ids.ts";
import { extendSeq } from "../base/sequence.ts";
import { MAX_PACKET_BYTES, type TransmitRing } from "../base/transmit-ring.ts";
import { absSendTime, ExtensionView } from "../rtp/header-extensions.ts";
import type { CoreContext } from "./core-context.ts";
import { OutgoingNumbers } from "./outgoing-numbers.ts";
import type { Outlet } from "./outlet.ts";
import { OutgoingHeader, type PacketWriter } from "./packet-writer.ts";
import { rewriteVp8Numbers } from "./payload-reader.ts";
import { RateMeter } from "./rate-meter.ts";
import { NOT_NUMBERED } from "./renumbering.ts";
import type { SenderClock } from "./sender-clock.ts";
import { SentPackets } from "./sent-packets.ts";
import type { UpPacket } from "./up-packet.ts";

/** First sequence number of an outgoing stream: SRTP hides what RFC 3550 §5.1 wants a random one for. */
const FIRST_SEQ = 1;

/** The original sequence number in front of a retransmitted payload (RFC 4588 §4). */
const OSN_BYTES = 2;

/** `originalSeq` of a packet that is no retransmission. */
const NO_OSN = -1;

/** P in the first byte of the header: the last byte of the payload counts the padding. */
const PADDING_BIT = 0x20;

const NO_EXTENSIONS = new ExtensionView();

/** Filled and read within one call, by every stream in turn. */
const header = new OutgoingHeader();

export class DownStream {
  readonly numbers = new OutgoingNumbers(FIRST_SEQ);
  readonly sent = new SentPackets();
  readonly rate = new RateMeter();
  /** Payload bytes ever sent, for sender reports (RFC 3550 §6.4.1). */
  payloadBytes = 0;
  #rtxExtSeq = FIRST_SEQ;
  readonly #ssrc: Ssrc;
  readonly #rtxSsrc: Ssrc;
  readonly writer: PacketWriter;
  readonly #outlet: Outlet;
  readonly #ring: TransmitRing;
  readonly #counters: Counters;

  constructor(ssrc: Ssrc, rtxSsrc: Ssrc, writer: PacketWriter, outlet: Outlet, context: CoreContext) {
    this.#ssrc = ssrc;
    this.#rtxSsrc = rtxSsrc;
    this.writer = writer;
    this.#outlet = outlet;
    this.#ring = context.ring;
    this.#counters = context.counters;
  }

  resync(packet: UpPacket, clockRate: number, from: SenderClock | undefined, to: SenderClock): void {
    this.numbers.resync(packet, clockRate, from, to);
  }

  /**
   * A packet of the source that is not sent: closes the gap, and that of its picture at the picture's start. Where it is
   * too late for that, an empty packet goes out under the number that was kept for it.
   */
  drop(packet: UpPacket, payloadType: number): void {
    this.skip(packet, payloadType);
    if (packet.frame.startsFrame && packet.extPictureId >= 0)
      this.numbers.pictureId.drop(packet.extPictureId);
  }

  /** Closes the gap in the sequence alone: for packets that are part of no picture. */
  skip({ extSeq, header: source, receivedUs }: UpPacket, payloadType: number): void {
    const { numbers } = this;
    const kept = numbers.seq.drop(extSeq);
    if (kept === NOT_NUMBERED) return;
    this.#writeEmpty(kept, (source.timestamp + numbers.timestampOffset) >>> 0, payloadType, receivedUs);
  }

  /** Sends a packet of the source under the next number. Returns its size, or 0 when it was dropped and counted. */
  send(packet: UpPacket, payloadType: number, marker: boolean): number {
    const { numbers } = this;
    const hasPictureId = packet.extPictureId >= 0;
    const pictureId = hasPictureId ? numbers.pictureId.forward(packet.extPictureId) : NOT_NUMBERED;
    // A packet of a picture that has no number must not take one of the sequence: nobody would fill the gap.
    const unplaced = hasPictureId && pictureId === NOT_NUMBERED;
    const extSeq = unplaced ? NOT_NUMBERED : numbers.seq.forward(packet.extSeq);
    if (extSeq === NOT_NUMBERED) {
      this.skip(packet, payloadType);
      this.#counters[SLOT.downDropped_late]! += 1;
      return 0;
    }
    const row = this.#remember(extSeq, pictureId, packet, marker);
    header.ssrc = this.#ssrc;
    header.payloadType = payloadType;
    header.seq = extSeq & 0xffff;
    const bytes = this.#write(packet, row, NO_OSN, extSeq);
    if (bytes === 0) return 0;
    numbers.onSent(packet);
    this.rate.add(bytes, packet.receivedUs);
    this.payloadBytes += packet.payload.length;
    return bytes;
  }

  /** The row in `sent` of a sequence number from the wire, or -1. */
  find(seq: number): number {
    return this.sent.find(extendSeq(this.numbers.seq.highestOut, seq));
  }

  /** Sends `packet`, read back from history, as RTX for `row`, in which it first went out as `originalSeq`. */
  resend(packet: UpPacket, row: number, rtxPayloadType: number, originalSeq: number): number {
    const extSeq = this.#rtxExtSeq++;
    header.ssrc = this.#rtxSsrc;
    header.payloadType = rtxPayloadType;
    header.seq = extSeq & 0xffff;
    return this.#write(packet, row, originalSeq, extSeq);
  }

  /** A packet of padding alone (RFC 3550 §5.1): takes a number, and belongs to no frame. */
  #writeEmpty(extSeq: number, timestamp: number, payloadType: number, receivedUs: number): void {
    const { slab } = this.#ring;
    const at = this.#ring.reserve();
    if (at < 0) {
      this.#counters[SLOT.downDropped_ring_full]! += 1;
      return;
    }
    header.ssrc = this.#ssrc;
    header.payloadType = payloadType;
    header.seq = extSeq & 0xffff;
    header.marker = false;
    header.timestamp = timestamp;
    header.frameNumber = -1;
    header.absSendTime = absSendTime(receivedUs);
    const headerBytes = this.writer.writeHeader(slab, at, header, slab, NO_EXTENSIONS);
    slab[at]! |= PADDING_BIT;
    slab[at + headerBytes] = 1;
    const { path, session } = this.#outlet;
    this.#ring.commitRtp(headerBytes + 1, path, session, headerBytes, extSeq, receivedUs);
    // Sender reports count it (RFC 3550 §6.4.1); its payload has no bytes.
    this.rate.add(headerBytes + 1, receivedUs);
    this.sent.addEmpty(extSeq, timestamp);
    this.#counters[SLOT.downEmptyPackets]! += 1;
  }

  #remember(extSeq: number, pictureId: number, packet: UpPacket, marker: boolean): number {
    const { numbers, sent } = this;
    const row = sent.add(extSeq);
    sent.sourceExtSeq[row] = packet.extSeq;
    sent.encoding[row] = packet.encoding;
    sent.marker[row] = marker ? 1 : 0;
    sent.timestamp[row] = packet.header.timestamp + numbers.timestampOffset;
    const { frameNumber } = packet.frame;
    sent.frameNumber[row] = frameNumber < 0 ? -1 : (frameNumber + numbers.frameNumberOffset) & 0xffff;
    sent.pictureId[row] = pictureId;
    sent.tl0PicIdx[row] = packet.tl0PicIdx < 0 ? -1 : (packet.tl0PicIdx + numbers.tl0PicIdxOffset) & 0xff;
    return row;
  }

  /** Copies the packet into the ring with the numbers of `row`. Returns its size, or 0 when it was dropped. */
  #write(packet: UpPacket, row: number, originalSeq: number, extSeq: number): number {
    const ring = this.#ring;
    const at = ring.reserve();
    if (at < 0) {
      this.#counters[SLOT.downDropped_ring_full]! += 1;
      return 0;
    }
    const { sent } = this;
    header.marker = sent.marker[row] === 1;
    header.timestamp = sent.timestamp[row]!;
    header.frameNumber = sent.frameNumber[row]!;
    header.absSendTime = absSendTime(packet.receivedUs);
    const headerBytes = this.writer.writeHeader(ring.slab, at, header, packet.bytes, packet.extensions);

    const osnBytes = originalSeq === NO_OSN ? 0 : OSN_BYTES;
    const bytes = headerBytes + osnBytes + packet.payload.length;
    if (bytes > MAX_PACKET_BYTES) {
      this.#counters[SLOT.downDropped_too_large]! += 1;
      return 0;
    }
    if (osnBytes > 0) writeU16(ring.slab, at + headerBytes, originalSeq);
    const payloadAt = at + headerBytes + osnBytes;
    ring.slab.set(packet.payload, payloadAt);
    if (sent.pictureId[row] !== -1 || sent.tl0PicIdx[row] !== -1) {
      rewriteVp8Numbers(
        ring.slab,
        payloadAt,
        packet.payload.length,
        sent.pictureId[row]!,
        sent.tl0PicIdx[row]!,
      );
    }
    const { path, session } = this.#outlet;
    ring.commitRtp(bytes, path, session, headerBytes, extSeq, packet.receivedUs);
    return bytes;
  }
}
