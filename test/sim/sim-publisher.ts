/** Makes the RTP of a publishing browser: Opus, and VP8 in three encodings of three temporal layers, sealed payloads. */
import { writeU16, writeU32 } from "../../src/base/bytes.ts";
import type { Ssrc } from "../../src/base/ids.ts";
import { absSendTime, EXTENSION_URI, ExtensionWriter } from "../../src/rtp/header-extensions.ts";
import { writeBye, writeCname, writeSenderReport } from "../../src/rtp/rtcp/reports.ts";
import { seededRandom } from "./seeded-random.ts";

/** Ids in every simulated session description. */
const IDS = {
  mid: 1,
  rid: 2,
  repairedRid: 3,
  transportCc: 4,
  absSendTime: 5,
  audioLevel: 6,
  descriptor: 7,
};
export const EXTENSION_IDS: Record<string, number> = {
  [EXTENSION_URI.mid]: IDS.mid,
  [EXTENSION_URI.rid]: IDS.rid,
  [EXTENSION_URI.repairedRid]: IDS.repairedRid,
  [EXTENSION_URI.transportCc]: IDS.transportCc,
  [EXTENSION_URI.absSendTime]: IDS.absSendTime,
  [EXTENSION_URI.audioLevel]: IDS.audioLevel,
  [EXTENSION_URI.dependencyDescriptor]: IDS.descriptor,
};

export const RIDS = ["q", "h", "f"] as const;
export const PAYLOAD_TYPE = { opus: 111, vp8: 96, vp8Rtx: 97 } as const;
export const CLOCK_RATE = { audio: 48_000, video: 90_000 } as const;

/** Packets of one frame by encoding: about 0.2, 0.4 and 1.3 Mbit/s at 30 frames a second. */
const PACKETS_OF_FRAME = [1, 2, 6] as const;
const VIDEO_BYTES = 900;
const AUDIO_BYTES = 80;
/** What a browser keeps to answer NACKs. */
const KEPT_PACKETS = 1024;
/** Seconds from 1900 to some day in this century: sender reports carry wall-clock time. */
const NTP_EPOCH_US = 3_900_000_000_000_000;

/** Chromium's structure for VP8 with three temporal layers, and the templates of its pattern T0 T2 T1 T2. */
const STRUCTURE = Buffer.from("8002044eaaaf2860414d34538a0940404fc02cc0", "hex");
const KEY_TEMPLATE = 0;
const PATTERN = [
  { template: 1, temporal: 0 },
  { template: 5, temporal: 2 },
  { template: 4, temporal: 1 },
  { template: 5, temporal: 2 },
] as const;

interface Encoding {
  readonly index: number;
  readonly ssrc: Ssrc;
  readonly rtxSsrc: Ssrc;
  extSeq: number;
  rtxExtSeq: number;
  frame: number;
  pictureId: number;
  tl0PicIdx: number;
  timestampOffset: number;
  packets: number;
  isActive: boolean;
  needsKeyframe: boolean;
  keyframes: number[];
  readonly kept: Map<number, KeptPacket>;
}

interface KeptPacket {
  readonly packet: Uint8Array;
  readonly headerBytes: number;
  readonly descriptor: Uint8Array;
}

/** `headerBytes`, because SRTP leaves the header clear; `extSeq`, because it gives the rollover counter. */
export interface MadePacket {
  readonly packet: Uint8Array;
  readonly headerBytes: number;
  readonly extSeq: number;
}

export class SimPublisher {
  readonly audioSsrc: Ssrc;
  readonly encodings: readonly Encoding[];
  /** What was sent, by `payloadKey`: the truth that receivers are held to. */
  readonly sentPayloads = new Set<string>();
  readonly #random: () => number;
  readonly #writer = new ExtensionWriter();
  readonly #mids: { readonly audio: string; readonly video: string };
  #audioExtSeq = 1;
  #audioTimestamp = 0;
  #transportSeq = 0xfff0;

  constructor(seed: number, mids: { audio: string; video: string }) {
    this.#random = seededRandom(seed);
    this.#mids = mids;
    const base = 0x1000 * (seed + 1);
    this.audioSsrc = base as Ssrc;
    this.encodings = PACKETS_OF_FRAME.map((_, index) => ({
      index,
      ssrc: (base + 16 + index) as Ssrc,
      rtxSsrc: (base + 32 + index) as Ssrc,
      // Near the wrap, so that a minute crosses it.
      extSeq: 30_000,
      rtxExtSeq: 1,
      frame: 65_500,
      pictureId: 32_700,
      tl0PicIdx: 250,
      timestampOffset: Math.floor(this.#random() * 0xffffffff),
      packets: 0,
      isActive: true,
      needsKeyframe: true,
      keyframes: [],
      kept: new Map(),
    }));
  }

  /** One Opus packet of 20 ms. */
  audioPacket(nowUs: number): MadePacket {
    const payload = this.#ciphertext(AUDIO_BYTES);
    const extSeq = this.#audioExtSeq++;
    this.#audioTimestamp += CLOCK_RATE.audio / 50;
    return this.#packet({
      ssrc: this.audioSsrc,
      payloadType: PAYLOAD_TYPE.opus,
      marker: false,
      extSeq,
      timestamp: this.#audioTimestamp,
      nowUs,
      payload,
      extensions: () => {
        this.#add(IDS.mid, Buffer.from(this.#mids.audio));
        this.#add(IDS.audioLevel, Uint8Array.of(0x80 | 30));
      },
    });
  }

  /** The packets of the next frame of every encoding that is on. */
  videoPackets(nowUs: number): MadePacket[] {
    return this.encodings.flatMap((encoding) => {
      return encoding.isActive ? this.#framePackets(encoding, nowUs) : [];
    });
  }

  /** Leaves encodings up to this one on. Returns what it says of those that it turns off, as Chromium does. */
  sendUpTo(highest: number): Uint8Array[] {
    const byes: Uint8Array[] = [];
    for (const encoding of this.encodings) {
      const isActive = encoding.index <= highest;
      if (encoding.isActive === isActive) continue;
      encoding.isActive = isActive;
      encoding.needsKeyframe = isActive;
      const out = new Uint8Array(100);
      if (!isActive) byes.push(out.slice(0, writeBye(out, 0, encoding.ssrc)));
    }
    return byes;
  }

  onKeyframeRequest(ssrc: number): void {
    const encoding = this.encodings.find((one) => one.ssrc === ssrc);
    if (encoding !== undefined) encoding.needsKeyframe = true;
  }

  /** The retransmission of a packet that was asked for again (RFC 4588); undefined when it is forgotten. */
  retransmission(ssrc: number, seq: number, nowUs: number): MadePacket | undefined {
    const encoding = this.encodings.find((one) => one.ssrc === ssrc);
    const kept = encoding?.kept.get(seq);
    if (encoding === undefined || kept === undefined) return undefined;
    const { packet, headerBytes } = kept;
    const osn = Uint8Array.of(seq >> 8, seq & 0xff);
    return this.#packet({
      ssrc: encoding.rtxSsrc,
      payloadType: PAYLOAD_TYPE.vp8Rtx,
      marker: packet[1]! > 0x7f,
      extSeq: encoding.rtxExtSeq++,
      timestamp: Buffer.from(packet).readUInt32BE(4),
      nowUs,
      payload: Buffer.concat([osn, packet.subarray(headerBytes)]),
      extensions: () => {
        this.#add(IDS.mid, Buffer.from(this.#mids.video));
        this.#add(IDS.repairedRid, Buffer.from(RIDS[encoding.index]!));
        this.#add(IDS.descriptor, kept.descriptor);
      },
    });
  }

  /** One SR with CNAME for each stream. */
  senderReports(nowUs: number): Uint8Array[] {
    const ntpUs = NTP_EPOCH_US + nowUs;
    const streams = [
      { ssrc: this.audioSsrc, timestamp: Math.round(nowUs * 0.048), packets: this.#audioExtSeq - 1 },
      ...this.encodings.map(({ ssrc, packets, timestampOffset }) => ({
        ssrc,
        packets,
        timestamp: (Math.round(nowUs * 0.09) + timestampOffset) >>> 0,
      })),
    ];
    return streams.map(({ ssrc, timestamp, packets }) => {
      const out = new Uint8Array(200);
      const info = { ssrc, ntpUs, timestamp, packets, payloadBytes: packets * 100 };
      return out.slice(0, writeCname(out, writeSenderReport(out, 0, info), ssrc, Buffer.from("sim")));
    });
  }

  #framePackets(encoding: Encoding, nowUs: number): MadePacket[] {
    const key = encoding.needsKeyframe;
    if (key) encoding.keyframes.push(nowUs);
    encoding.needsKeyframe = false;
    const place = key ? 0 : encoding.frame % PATTERN.length;
    const { template, temporal } = key ? { template: KEY_TEMPLATE, temporal: 0 } : PATTERN[place]!;
    encoding.frame = (encoding.frame + 1) & 0xffff;
    encoding.pictureId = (encoding.pictureId + 1) & 0x7fff;
    if (temporal === 0) encoding.tl0PicIdx = (encoding.tl0PicIdx + 1) & 0xff;
    const count = PACKETS_OF_FRAME[encoding.index]!;
    return Array.from({ length: count }, (_, i) => {
      const first = i === 0;
      const last = i === count - 1;
      const start = Uint8Array.of((first ? 0x80 : 0) | (last ? 0x40 : 0) | template, 0, 0);
      writeU16(start, 1, encoding.frame);
      const descriptor = key && first ? Buffer.concat([start, STRUCTURE]) : start;
      return this.#videoPacket(encoding, nowUs, descriptor, temporal, first, last);
    });
  }

  #videoPacket(
    encoding: Encoding,
    nowUs: number,
    descriptor: Uint8Array,
    temporal: number,
    first: boolean,
    last: boolean,
  ): MadePacket {
    const { pictureId, tl0PicIdx } = encoding;
    const vp8 = Uint8Array.of(
      first ? 0x90 : 0x80,
      0xe0,
      0x80 | (pictureId >> 8),
      pictureId & 0xff,
      tl0PicIdx,
      temporal << 6,
    );
    const ciphertext = this.#ciphertext(VIDEO_BYTES);
    encoding.packets += 1;
    const extSeq = encoding.extSeq++;
    const made = this.#packet({
      ssrc: encoding.ssrc,
      payloadType: PAYLOAD_TYPE.vp8,
      marker: last,
      extSeq,
      timestamp: (Math.round(nowUs * 0.09) + encoding.timestampOffset) >>> 0,
      nowUs,
      payload: Buffer.concat([vp8, ciphertext]),
      extensions: () => {
        this.#add(IDS.mid, Buffer.from(this.#mids.video));
        this.#add(IDS.rid, Buffer.from(RIDS[encoding.index]!));
        this.#add(IDS.descriptor, descriptor);
      },
    });
    const { packet, headerBytes } = made;
    encoding.kept.set(extSeq & 0xffff, { packet: packet.slice(), headerBytes, descriptor });
    if (encoding.kept.size > KEPT_PACKETS) encoding.kept.delete(encoding.kept.keys().next().value!);
    return made;
  }

  #packet(fields: PacketFields): MadePacket {
    const { ssrc, payloadType, marker, extSeq, timestamp, nowUs, payload } = fields;
    // Room for header, extensions and the SRTP tag.
    const out = new Uint8Array(12 + 96 + payload.length + 16);
    out[0] = 0x90;
    out[1] = (marker ? 0x80 : 0) | payloadType;
    writeU16(out, 2, extSeq & 0xffff);
    writeU32(out, 4, timestamp);
    writeU32(out, 8, ssrc);
    this.#writer.begin(out, 12, true);
    const sendTime = absSendTime(nowUs);
    this.#add(IDS.absSendTime, Uint8Array.of(sendTime >> 16, sendTime >> 8, sendTime));
    this.#transportSeq = (this.#transportSeq + 1) & 0xffff;
    this.#add(IDS.transportCc, Uint8Array.of(this.#transportSeq >> 8, this.#transportSeq));
    fields.extensions();
    const headerBytes = 12 + this.#writer.end();
    out.set(payload, headerBytes);
    return { packet: out.subarray(0, headerBytes + payload.length), headerBytes, extSeq };
  }

  #add(id: number, data: Uint8Array): void {
    this.#writer.add(id, data, 0, data.length);
  }

  /** Stands for a sealed frame: the server has nothing to read in it. */
  #ciphertext(bytes: number): Uint8Array {
    const payload = Uint8Array.from({ length: bytes }, () => this.#random() * 256);
    this.sentPayloads.add(payloadKey(payload));
    return payload;
  }
}

interface PacketFields {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly marker: boolean;
  readonly extSeq: number;
  readonly timestamp: number;
  readonly nowUs: number;
  readonly payload: Uint8Array;
  readonly extensions: () => void;
}

/** Two packets with the same first bytes do not happen: 12 random bytes name a payload. */
export function payloadKey(ciphertext: Uint8Array): string {
  return Buffer.from(ciphertext.subarray(0, 12)).toString("hex") + ciphertext.length;
}
