/**
 * One outgoing SSRC with its RTX partner: makes and stores packets, and retransmits what a NACK requests (RFC 4588).
 */
import { randomBytes } from "node:crypto";
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import { absSendTime, ExtensionWriter } from "../../src/rtp/header-extensions.ts";
import { writeCname, writeSenderReport } from "../../src/rtp/rtcp/reports.ts";
import type { MediaLink } from "./media-link.ts";
import { EXTENSION_ID } from "./session-offer.ts";

/** A power of two. Larger: more memory. Smaller: packets are forgotten before a NACK over a slow path arrives. */
const KEPT_PACKETS = 512;
const HEADER_BYTES = 12;
/** Room for the extensions: the structure of L3T3 takes about a hundred bytes. */
const MAX_EXTENSION_BYTES = 192;
/** One-byte elements hold 16 bytes (RFC 8285 §4.2). */
const ONE_BYTE_MAX = 16;
/** SRTP assumes an initial rollover counter of 0, so a stream starts in the lower half of the sequence numbers. */
const FIRST_SEQ_LIMIT = 0x7000;

export interface RtpStreamOptions {
  readonly link: MediaLink;
  readonly mid: string;
  /** Empty without simulcast. */
  readonly rid: string;
  readonly payloadType: number;
  /** 0 for none. */
  readonly rtxPayloadType: number;
  readonly clockRate: number;
  /** Shared by all streams of a transport. */
  readonly transportSeq: { next: number };
}

export interface OutgoingPacket {
  readonly marker: boolean;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** The Dependency Descriptor; null for audio. */
  readonly descriptor: Uint8Array | null;
}

interface Kept extends OutgoingPacket {
  readonly seq: number;
}

const random32 = (): number => randomBytes(4).readUInt32BE();

export class RtpStream {
  readonly ssrc = random32();
  readonly rtxSsrc = random32();
  packets = 0;
  bytes = 0;
  payloadBytes = 0;
  /** Sequence numbers in NACKs, and those retransmitted. */
  nacked = 0;
  resent = 0;
  keyframeRequests = 0;
  /** From the server's last receiver report. */
  lostUp = 0;
  rttUs = -1;
  /** Until the server has reported on the stream, it may not know its section (RFC 8843 §9.2). */
  isKnown = false;
  readonly #options: RtpStreamOptions;
  readonly #timestampOffset = random32();
  readonly #writer = new ExtensionWriter();
  readonly #kept: (Kept | undefined)[] = new Array(KEPT_PACKETS);
  #extSeq = random32() % FIRST_SEQ_LIMIT;
  #rtxExtSeq = random32() % FIRST_SEQ_LIMIT;

  constructor(options: RtpStreamOptions) {
    this.#options = options;
  }

  timestampAt(us: number): number {
    return (Math.round((us * this.#options.clockRate) / 1_000_000) + this.#timestampOffset) % 2 ** 32;
  }

  send(packet: OutgoingPacket, nowUs: number): void {
    const extSeq = this.#extSeq++;
    if (this.#options.rtxPayloadType !== 0) {
      this.#kept[extSeq % KEPT_PACKETS] = { ...packet, seq: extSeq & 0xffff };
    }
    const bytes = this.#write(packet, this.ssrc, this.#options.payloadType, extSeq, null, nowUs);
    this.packets += 1;
    this.bytes += bytes;
    this.payloadBytes += packet.payload.length;
  }

  onNack(seq: number, nowUs: number): void {
    this.nacked += 1;
    const kept = this.#kept.find((one) => one?.seq === seq);
    if (kept === undefined) return;
    this.resent += 1;
    this.#write(kept, this.rtxSsrc, this.#options.rtxPayloadType, this.#rtxExtSeq++, seq, nowUs);
  }

  /** SR and CNAME. */
  report(ntpUs: number, nowUs: number): Uint8Array {
    const { ssrc, packets, payloadBytes } = this;
    const info = { ssrc, ntpUs, timestamp: this.timestampAt(nowUs), packets, payloadBytes };
    const out = new Uint8Array(128);
    return out.subarray(0, writeCname(out, writeSenderReport(out, 0, info), ssrc, Buffer.from("load")));
  }

  /** `originalSeq`: of a retransmission, else null. Returns the bytes before sealing. */
  #write(
    { marker, timestamp, payload, descriptor }: OutgoingPacket,
    ssrc: number,
    payloadType: number,
    extSeq: number,
    originalSeq: number | null,
    nowUs: number,
  ): number {
    const { link } = this.#options;
    const osnBytes = originalSeq === null ? 0 : 2;
    const out = Buffer.allocUnsafe(HEADER_BYTES + MAX_EXTENSION_BYTES + osnBytes + payload.length);
    out[0] = 0x90;
    out[1] = (marker ? 0x80 : 0) | payloadType;
    writeU16(out, 2, extSeq & 0xffff);
    writeU32(out, 4, timestamp);
    writeU32(out, 8, ssrc);
    const headerBytes = HEADER_BYTES + this.#writeExtensions(out, descriptor, originalSeq !== null, nowUs);
    if (originalSeq !== null) writeU16(out, headerBytes, originalSeq);
    out.set(payload, headerBytes + osnBytes);
    const bytes = headerBytes + osnBytes + payload.length;
    link.sendRtp(out.subarray(0, bytes), headerBytes, extSeq);
    return bytes;
  }

  #writeExtensions(out: Uint8Array, descriptor: Uint8Array | null, rtx: boolean, nowUs: number): number {
    const { mid, rid, transportSeq } = this.#options;
    const writer = this.#writer;
    writer.begin(out, HEADER_BYTES, descriptor !== null && descriptor.length > ONE_BYTE_MAX);
    const add = (id: number, data: Uint8Array): void => void writer.add(id, data, 0, data.length);
    const sendTime = absSendTime(nowUs);
    add(EXTENSION_ID.absSendTime, Uint8Array.of(sendTime >> 16, sendTime >> 8, sendTime));
    const seq = transportSeq.next++;
    add(EXTENSION_ID.transportCc, Uint8Array.of(seq >> 8, seq));
    if (descriptor === null) add(EXTENSION_ID.audioLevel, Uint8Array.of(0x80 | 30));
    else add(EXTENSION_ID.dependencyDescriptor, descriptor);
    if (rtx || !this.isKnown) {
      add(EXTENSION_ID.mid, Buffer.from(mid));
      if (rid !== "") add(rtx ? EXTENSION_ID.repairedRid : EXTENSION_ID.rid, Buffer.from(rid));
    }
    return writer.end();
  }
}
