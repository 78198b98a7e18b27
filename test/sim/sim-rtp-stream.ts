/** One SSRC that a simulated browser sends, with its RTX partner: writes and retransmits packets (RFC 4588). */
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import type { PayloadParams } from "../../src/contract/media.ts";
import { absSendTime, ExtensionWriter } from "../../src/rtp/header-extensions.ts";
import { writeCname, writeSenderReport } from "../../src/rtp/rtcp/reports.ts";
import { EXTENSION_ID, RIDS } from "./session-parameters.ts";

const HEADER_BYTES = 12;
/** One-byte elements hold 16 bytes (RFC 8285 §4.2). */
const ONE_BYTE_MAX = 16;
/** Room for the extensions: the structure of L3T3 takes about a hundred bytes. */
const MAX_EXTENSION_BYTES = 160;
/** What SRTP may add to a packet. */
export const TAG_BYTES = 32;
/** Packets that a browser keeps to answer NACKs; a power of two. */
const KEPT_PACKETS = 1024;
/** Seconds from 1900 to some day in this century: sender reports carry wall-clock time. */
export const NTP_EPOCH_US = 3_900_000_000_000_000;
/** `originalSeq` of a packet that is no retransmission. */
const FIRST_TIME = -1;
/** `audioLevel` of a packet without a level. */
export const NO_LEVEL = -1;

/**
 * Plaintext at the start of a buffer that has room for the tag. SRTP needs `headerBytes`, since it does not encrypt the
 * header, and `extSeq` for the rollover counter.
 */
export interface MadePacket {
  readonly buffer: Uint8Array;
  readonly bytes: number;
  readonly headerBytes: number;
  readonly extSeq: number;
}

export interface MediaPacket {
  readonly marker: boolean;
  readonly timestamp: number;
  readonly payload: Uint8Array;
  /** Dependency Descriptor of video, level (RFC 6464) of audio or NO_LEVEL. */
  readonly descriptor: Uint8Array | null;
  readonly audioLevel: number;
}

interface KeptPacket {
  readonly seq: number;
  readonly packet: MediaPacket;
}

export interface StreamOptions {
  readonly ssrc: number;
  /** 0 for none. */
  readonly rtxSsrc: number;
  readonly payload: PayloadParams;
  readonly mid: string;
  /** -1 without simulcast. */
  readonly encoding: number;
  readonly timestampOffset: number;
  readonly firstExtSeq: number;
  /** Shared by all streams of a transport. */
  readonly transportSeq: { next: number };
}

export class SimRtpStream {
  readonly ssrc: number;
  readonly rtxSsrc: number;
  extSeq: number;
  rtxExtSeq = 1;
  readonly #options: StreamOptions;
  #packets = 0;
  #payloadBytes = 0;
  readonly #kept: (KeptPacket | undefined)[] = new Array(KEPT_PACKETS);
  readonly #writer = new ExtensionWriter();

  constructor(options: StreamOptions) {
    this.ssrc = options.ssrc;
    this.rtxSsrc = options.rtxSsrc;
    this.extSeq = options.firstExtSeq;
    this.#options = options;
  }

  timestampAt(us: number): number {
    const { payload, timestampOffset } = this.#options;
    return (Math.round((us * payload.clockRate) / 1_000_000) + timestampOffset) % 2 ** 32;
  }

  write(packet: MediaPacket, nowUs: number): MadePacket {
    const extSeq = this.extSeq++;
    if (this.rtxSsrc !== 0) this.#kept[extSeq % KEPT_PACKETS] = { seq: extSeq & 0xffff, packet };
    this.#packets += 1;
    this.#payloadBytes += packet.payload.length;
    return this.#write(packet, this.ssrc, this.#options.payload.payloadType, extSeq, FIRST_TIME, nowUs);
  }

  /** Undefined when the packet is no longer kept. */
  rewrite(seq: number, nowUs: number): MadePacket | undefined {
    const { rtxPayloadType } = this.#options.payload;
    const kept = this.#kept[seq % KEPT_PACKETS];
    if (kept?.seq !== seq || rtxPayloadType === undefined) return undefined;
    return this.#write(kept.packet, this.rtxSsrc, rtxPayloadType, this.rtxExtSeq++, seq, nowUs);
  }

  /** SR and CNAME. */
  report(nowUs: number): Uint8Array {
    const { ssrc } = this;
    const info = {
      ssrc,
      ntpUs: NTP_EPOCH_US + nowUs,
      timestamp: this.timestampAt(nowUs),
      packets: this.#packets,
      payloadBytes: this.#payloadBytes,
    };
    const out = new Uint8Array(64);
    return out.subarray(0, writeCname(out, writeSenderReport(out, 0, info), ssrc, Buffer.from("sim")));
  }

  #write(
    packet: MediaPacket,
    ssrc: number,
    payloadType: number,
    extSeq: number,
    originalSeq: number,
    nowUs: number,
  ): MadePacket {
    const { marker, timestamp, payload } = packet;
    const osnBytes = originalSeq === FIRST_TIME ? 0 : 2;
    const out = Buffer.allocUnsafe(
      HEADER_BYTES + MAX_EXTENSION_BYTES + osnBytes + payload.length + TAG_BYTES,
    );
    out[0] = 0x90;
    out[1] = (marker ? 0x80 : 0) | payloadType;
    writeU16(out, 2, extSeq & 0xffff);
    writeU32(out, 4, timestamp);
    writeU32(out, 8, ssrc);
    const headerBytes = HEADER_BYTES + this.#writeExtensions(out, packet, originalSeq !== FIRST_TIME, nowUs);
    if (osnBytes > 0) writeU16(out, headerBytes, originalSeq);
    out.set(payload, headerBytes + osnBytes);
    return { buffer: out, bytes: headerBytes + osnBytes + payload.length, headerBytes, extSeq };
  }

  #writeExtensions(out: Uint8Array, packet: MediaPacket, rtx: boolean, nowUs: number): number {
    const { mid, encoding, transportSeq } = this.#options;
    const { descriptor, audioLevel } = packet;
    const writer = this.#writer;
    writer.begin(out, HEADER_BYTES, descriptor !== null && descriptor.length > ONE_BYTE_MAX);
    const add = (id: number, data: Uint8Array): void => void writer.add(id, data, 0, data.length);
    add(EXTENSION_ID.mid, Buffer.from(mid));
    if (encoding >= 0) {
      add(rtx ? EXTENSION_ID.repairedRid : EXTENSION_ID.rid, Buffer.from(RIDS[encoding]!));
    }
    const sendTime = absSendTime(nowUs);
    add(EXTENSION_ID.absSendTime, Uint8Array.of(sendTime >> 16, sendTime >> 8, sendTime));
    const seq = transportSeq.next++ & 0xffff;
    add(EXTENSION_ID.transportCc, Uint8Array.of(seq >> 8, seq));
    if (descriptor !== null) add(EXTENSION_ID.descriptor, descriptor);
    else if (audioLevel !== NO_LEVEL) add(EXTENSION_ID.audioLevel, Uint8Array.of(audioLevel));
    return writer.end();
  }
}
