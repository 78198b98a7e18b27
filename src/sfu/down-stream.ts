/**
 * The outgoing stream of one down track: its SSRC, numbers, record of sent packets, and RTX stream (RFC 4588).
 *
 * It decides nothing: `DownTrack` says what to send, this writes it into the transmit ring.
 */

import { writeU16 } from "../base/bytes.ts";
import { type Counters, SLOT } from "../base/counters.ts";
import type { Ssrc } from "../base/ids.ts";
import { extendSeq } from "../base/sequence.ts";
import { MAX_PACKET_BYTES, type TransmitRing } from "../base/transmit-ring.ts";
import { NO_STREAM, UNKNOWN_PACKET } from "../cc/sent-packet-log.ts";
import type { CoreContext } from "./core-context.ts";
import { OutgoingNumbers } from "./outgoing-numbers.ts";
import { OutgoingHeader, type PacketWriter } from "./packet-writer.ts";
import { rewriteNumbers } from "./payload-reader.ts";
import { RateMeter } from "./rate-meter.ts";
import { NOT_NUMBERED } from "./renumbering.ts";
import type { SendController } from "./send-controller.ts";
import type { SenderClock } from "./sender-clock.ts";
import { NO_SOURCE, NOT_SENT, SentPackets } from "./sent-packets.ts";
import { OSN_BYTES, UpPacket } from "./up-packet.ts";
import type { UpTrack } from "./up-track.ts";

/** First sequence number of a stream: SRTP withstands the attacks for which RFC 3550 §5.1 asks for a random one. */
const FIRST_SEQ = 1;

/** `originalSeq` of a packet that is no retransmission. */
const NO_OSN = -1;

/** Padding of a packet without payload, as in Chromium. One byte holds its length. */
const MAX_PADDING_BYTES = 224;

/** The P bit in the first byte of the header: the last byte of the packet is the length of the padding (RFC 3550 §5.1). */
const PADDING_BIT = 0x20;

/**
 * Numbers searched for gaps, back from the newest. More would fill what the receiver has long given up; fewer would leave
 * open what is overtaken, or asked for again, between publisher and us in a fast stream.
 */
const CLOSED_NUMBERS = 128;

/** Without extensions or payload. */
const nothing = new UpPacket();

/** Filled and read within one call, by every stream in turn. */
const header = new OutgoingHeader();

export class DownStream {
  readonly numbers = new OutgoingNumbers(FIRST_SEQ);
  readonly sent = new SentPackets();
  readonly rate = new RateMeter();
  /** Minimum playout delay that is written into packets, microseconds; below 0: none is written. */
  playoutDelayUs = -1;
  /**
   * Whether the receiver has reported on the SSRC, so that it needs no MID any more (RFC 8843 §9.2 asks for a few packets
   * only). Nobody reports on the RTX stream, and Firefox learns its SSRC from a MID alone, so that stream always has one:
   * without it all repairs and padding look lost.
   */
  isKnown = false;
  /** Payload bytes ever sent, for sender reports (RFC 3550 §6.4.1). */
  payloadBytes = 0;
  #rtxExtSeq = FIRST_SEQ;
  /** Video packets up to this number are not retransmitted. */
  #cutAfter = FIRST_SEQ - 1;
  /** Gaps up to this number have been closed, or stay open. */
  #closedTo = FIRST_SEQ - 1;
  readonly #ssrc: Ssrc;
  readonly #rtxSsrc: Ssrc;
  readonly #writer: PacketWriter;
  readonly #controller: SendController;
  readonly #ring: TransmitRing;
  readonly #counters: Counters;

  constructor(
    ssrc: Ssrc,
    rtxSsrc: Ssrc,
    writer: PacketWriter,
    controller: SendController,
    context: CoreContext,
  ) {
    this.#ssrc = ssrc;
    this.#rtxSsrc = rtxSsrc;
    this.#writer = writer;
    this.#controller = controller;
    this.#ring = context.ring;
    this.#counters = context.counters;
  }

  resync(packet: UpPacket, clockRate: number, from: SenderClock | undefined, to: SenderClock): void {
    this.numbers.resync(packet, clockRate, from, to);
  }

  /**
   * The source's packets do not continue: returns the numbers reserved for packets that are still missing, each once. If
   * nothing goes out under them, the receiver sends NACKs for them and reports them lost. Where more is missing than was
   * sent there was an outage, and they are indeed lost.
   */
  takeGaps(): number[] {
    const last = this.numbers.seq.highestOut;
    const first = Math.max(this.#closedTo, last - CLOSED_NUMBERS) + 1;
    this.#closedTo = last;
    const gaps: number[] = [];
    for (let extSeq = first; extSeq <= last; extSeq++)
      if (this.sent.find(extSeq) === NOT_SENT) gaps.push(extSeq);
    return 2 * gaps.length <= last - first + 1 ? gaps : [];
  }

  /**
   * Gives up a reserved number: only an empty packet can be sent under it. Returns whether that has to be sent: not for
   * NOT_NUMBERED, nor a second time.
   */
  giveUp(extSeq: number): boolean {
    if (extSeq === NOT_NUMBERED || this.sent.find(extSeq) !== NOT_SENT) return false;
    // The row has gone to a newer number, which may be queued and must not be forgotten.
    if (this.sent.hasNewer(extSeq)) return true;
    setEmpty(this.numbers.lastTimestamp);
    this.sent.add(extSeq, NO_SOURCE, 0, header);
    return true;
  }

  /** Sends an empty packet under a number that was given up, or whose packet cannot be read back any more. */
  fill(extSeq: number, payloadType: number, nowUs: number): void {
    const bytes = this.#writeEmpty(this.#ssrc, payloadType, extSeq, 1, nowUs);
    if (bytes === 0) return;
    this.#counters[SLOT.downEmptyPackets]! += 1;
    // Sender reports count the packet (RFC 3550 §6.4.1), and no octets of payload.
    this.rate.add(bytes);
  }

  /** The source changes: nothing that was sent can be read back any more, and gaps that are still open stay open. */
  forgetSent(): void {
    this.sent.forgetSource();
    this.#closedTo = this.numbers.seq.highestOut;
  }

  /**
   * A packet of the source is not sent: closes the gap in the sequence numbers, and in VP8's picture ids, whichever packet of
   * the picture it is. If it is too late for that, returns the number reserved for it, to be given up; else NOT_NUMBERED.
   * A gap in VP9's ids stays: they say which picture of its group (RFC 9628 §4.2.1), and what it refers to.
   */
  drop(packet: UpPacket): number {
    if (packet.extPictureId >= 0 && packet.codec === "VP8") this.numbers.pictureId.drop(packet.extPictureId);
    return this.skip(packet);
  }

  /** The same for the sequence numbers alone: for packets that are part of no picture. */
  skip({ extSeq }: UpPacket): number {
    return this.numbers.seq.drop(extSeq);
  }

  /**
   * Numbers a packet of the source and records it. Returns the extended sequence number, or NOT_NUMBERED when the packet
   * came too late to have one: it is to be skipped.
   */
  number(packet: UpPacket, marker: boolean): number {
    const { numbers } = this;
    const hasPictureId = packet.extPictureId >= 0;
    const pictureId = hasPictureId ? numbers.pictureId.forward(packet.extPictureId) : NOT_NUMBERED;
    // A packet whose picture has no id must not take a sequence number: nobody would fill the gap.
    const unplaced = hasPictureId && pictureId === NOT_NUMBERED;
    const extSeq = unplaced ? NOT_NUMBERED : numbers.seq.forward(packet.extSeq);
    if (extSeq === NOT_NUMBERED) {
      this.#counters[SLOT.downDropped_late]! += 1;
      return NOT_NUMBERED;
    }
    this.#remember(extSeq, pictureId, packet, marker);
    numbers.onSent(packet, extSeq);
    return extSeq;
  }

  /**
   * Sends the packet that was numbered `extSeq`, with its own payload or another one. Returns its size, or 0 when it was
   * dropped and counted; under the number of one that is too large an empty packet goes out.
   */
  send(packet: UpPacket, extSeq: number, payloadType: number, payload: Uint8Array = packet.payload): number {
    header.ssrc = this.#ssrc;
    header.payloadType = payloadType;
    header.seq = extSeq & 0xffff;
    const row = this.sent.find(extSeq);
    const bytes = this.#write(packet, payload, row, NO_OSN, extSeq);
    if (bytes === 0) {
      if (this.sent.sourceExtSeq(row) === NO_SOURCE) this.fill(extSeq, payloadType, packet.nowUs);
      return 0;
    }
    this.rate.add(bytes);
    this.payloadBytes += payload.length;
    return bytes;
  }

  /**
   * What is sent next is a key frame, and nobody waits for the pictures before it. After an outage the receiver asks for
   * many of them at once, and repairs would take the bandwidth that the key frame needs.
   */
  cut(): void {
    this.#cutAfter = this.numbers.seq.highestOut;
  }

  /** Whether it is of use to retransmit the packet in `row` of `sent`. */
  isUseful(row: number): boolean {
    return this.sent.sourceExtSeq(row) === NO_SOURCE || this.sent.outExtSeq(row) > this.#cutAfter;
  }

  /** The row in `sent` of a sequence number from the wire, or NOT_SENT. */
  find(seq: number): number {
    return this.sent.find(extendSeq(this.numbers.seq.highestOut, seq));
  }

  /** The transport-wide number under which `seq` from the wire left last, extended, or UNKNOWN_PACKET. */
  transportExtSeq(seq: number): number {
    const row = this.find(seq);
    return row === NOT_SENT ? UNKNOWN_PACKET : this.sent.transportExtSeq(row);
  }

  /** An encoding of the source restarts: what was sent of it cannot be read back any more. */
  onRestart(encoding: number): void {
    this.sent.forgetSource(encoding);
  }

  /** The encodings of the source have other indices: `indices[former]`. */
  onReorder(indices: readonly number[]): void {
    this.sent.onReorder(indices);
  }

  /** Reads the packet in `row` of `sent` back from the history of `track`. Returns false when it is forgotten. */
  recall(row: number, track: UpTrack | undefined, nowUs: number, out: UpPacket): boolean {
    const { sent } = this;
    if (sent.sourceExtSeq(row) === NO_SOURCE) {
      out.empty(nowUs);
      return true;
    }
    const stream = track?.streams[sent.encoding(row)];
    if (stream?.recall(sent.sourceExtSeq(row), nowUs, out) !== true) return false;
    out.codec = track!.payload(out.header.payloadType)!.codec;
    out.receivedUs = 0;
    return true;
  }

  /** Sends `packet`, read back from history, as RTX for `row`, in which it first went out. Returns its size, or 0. */
  resend(packet: UpPacket, row: number, rtxPayloadType: number): number {
    const extSeq = this.#rtxExtSeq++;
    header.ssrc = this.#rtxSsrc;
    header.payloadType = rtxPayloadType;
    header.seq = extSeq & 0xffff;
    return this.#write(packet, packet.payload, row, this.sent.outExtSeq(row) & 0xffff, extSeq);
  }

  /** Sends padding alone on the RTX stream, as RFC 4588 allows. Returns its size, or 0. */
  pad(rtxPayloadType: number, nowUs: number): number {
    return this.#writeEmpty(this.#rtxSsrc, rtxPayloadType, this.#rtxExtSeq++, MAX_PADDING_BYTES, nowUs);
  }

  /**
   * Sends a packet of padding alone (RFC 3550 §5.1), which is part of no frame. Returns its size, or 0 when it was dropped.
   */
  #writeEmpty(ssrc: Ssrc, payloadType: number, extSeq: number, paddingBytes: number, nowUs: number): number {
    const { slab } = this.#ring;
    const at = this.#ring.reserve();
    if (at < 0) {
      this.#counters[SLOT.downDropped_ring_full]! += 1;
      return 0;
    }
    header.ssrc = ssrc;
    header.payloadType = payloadType;
    header.seq = extSeq & 0xffff;
    header.hasMid = !this.isKnown || ssrc === this.#rtxSsrc;
    setEmpty(this.numbers.lastTimestamp);
    header.playoutDelayUs = -1;
    header.sentUs = nowUs;
    header.transportSeq = this.#controller.transportSeq;
    const headerBytes = this.#writer.writeHeader(slab, at, header, nothing);
    const bytes = headerBytes + paddingBytes;
    slab[at]! |= PADDING_BIT;
    slab.fill(0, at + headerBytes, at + bytes - 1);
    slab[at + bytes - 1] = paddingBytes;
    this.#commit(bytes, headerBytes, extSeq, 0);
    this.#controller.onSent(bytes, NO_STREAM, extSeq, nowUs);
    return bytes;
  }

  #remember(extSeq: number, pictureId: number, packet: UpPacket, marker: boolean): void {
    const { numbers } = this;
    const { frameNumber } = packet.frame;
    header.marker = marker;
    header.timestamp = (packet.header.timestamp + numbers.timestampOffset) >>> 0;
    header.frameNumber = frameNumber < 0 ? -1 : (frameNumber + numbers.frameNumberOffset) & 0xffff;
    header.pictureId = pictureId;
    header.tl0PicIdx = packet.tl0PicIdx < 0 ? -1 : (packet.tl0PicIdx + numbers.tl0PicIdxOffset) & 0xff;
    this.sent.add(extSeq, packet.extSeq, packet.encoding, header);
  }

  /** Copies the packet into the ring with the numbers of `row`. Returns its size, or 0 when it was dropped. */
  #write(packet: UpPacket, payload: Uint8Array, row: number, originalSeq: number, extSeq: number): number {
    const ring = this.#ring;
    const at = ring.reserve();
    if (at < 0) {
      this.#counters[SLOT.downDropped_ring_full]! += 1;
      return 0;
    }
    const { sent } = this;
    header.hasMid = !this.isKnown || originalSeq !== NO_OSN;
    sent.read(row, header);
    header.sentUs = packet.nowUs;
    header.playoutDelayUs = this.playoutDelayUs;
    header.transportSeq = this.#controller.transportSeq;
    const headerBytes = this.#writer.writeHeader(ring.slab, at, header, packet);

    const osnBytes = originalSeq === NO_OSN ? 0 : OSN_BYTES;
    const bytes = headerBytes + osnBytes + payload.length;
    if (bytes > MAX_PACKET_BYTES) {
      this.#counters[SLOT.downDropped_too_large]! += 1;
      // It will not fit later either: whoever asks for it gets an empty packet.
      sent.forgetRow(row);
      return 0;
    }
    if (osnBytes > 0) writeU16(ring.slab, at + headerBytes, originalSeq);
    const payloadAt = at + headerBytes + osnBytes;
    ring.slab.set(payload, payloadAt);
    if (header.pictureId !== -1 || header.tl0PicIdx !== -1) {
      const { pictureId, tl0PicIdx } = header;
      rewriteNumbers(ring.slab, payloadAt, payload.length, packet.codec, pictureId, tl0PicIdx);
    }
    this.#commit(bytes, headerBytes, extSeq, packet.receivedUs);
    const outExtSeq = sent.outExtSeq(row);
    sent.setTransportExtSeq(row, this.#controller.onSent(bytes, this.#ssrc, outExtSeq, packet.nowUs));
    return bytes;
  }

  #commit(bytes: number, headerBytes: number, extSeq: number, receivedUs: number): void {
    const { path, session } = this.#controller.outlet;
    this.#ring.commitRtp(bytes, path, session, headerBytes, extSeq, receivedUs);
  }
}

/** Sets the numbers of a packet that is part of no frame. */
function setEmpty(timestamp: number): void {
  header.marker = false;
  header.timestamp = timestamp;
  header.frameNumber = -1;
  header.pictureId = -1;
  header.tl0PicIdx = -1;
}
