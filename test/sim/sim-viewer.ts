/** A receiving browser: opens what comes, asks again for what is missing, puts frames together, and takes notes. */
import { readU16 } from "../../src/base/bytes.ts";
import { extendSeq } from "../../src/base/sequence.ts";
import { NackGenerator } from "../../src/cc/nack-generator.ts";
import { EXTENSION, ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { readVp8Descriptor, Vp8Descriptor } from "../../src/rtp/payload/vp8.ts";
import { parseRtpHeader, RtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";
import { EXTENSION_IDS, payloadKey } from "./sim-publisher.ts";

/** Assumed for repeating NACKs. */
const RTT_US = 100_000;

interface ReceivedPacket {
  readonly timestamp: number;
  readonly starts: boolean;
  readonly ends: boolean;
  readonly pictureId: number;
  readonly tl0PicIdx: number;
  readonly frameNumber: number;
  readonly arrivedUs: number;
}

/** A frame all of whose packets have come. */
export interface CompleteFrame {
  readonly firstExtSeq: number;
  readonly packets: number;
  readonly timestamp: number;
  readonly pictureId: number;
  readonly tl0PicIdx: number;
  readonly frameNumber: number;
  /** When the last packet of it came. */
  readonly completeUs: number;
}

/** One SSRC as received, with its RTX partner. */
export class SimViewer {
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly packets = new Map<number, ReceivedPacket>();
  readonly payloads: string[] = [];
  /** Bytes by second of arrival: which encoding it was. */
  readonly bytesOfSecond: number[] = [];
  repaired = 0;
  #highest = -1;
  readonly nack = new NackGenerator();
  readonly #header = new RtpHeader();
  readonly #extensions = new ExtensionView();
  readonly #map = new ExtensionMap(EXTENSION_IDS);
  readonly #vp8 = new Vp8Descriptor();

  constructor(ssrc: number, rtxSsrc: number) {
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
  }

  /** One opened RTP packet on either SSRC. Returns false when it is no valid packet. */
  receive(bytes: Uint8Array, length: number, nowUs: number): boolean {
    const header = this.#header;
    if (!parseRtpHeader(bytes, length, header) || !readPadding(bytes, length, header)) return false;
    if (!this.#extensions.parse(bytes, header, this.#map)) return false;
    const rtx = header.ssrc === this.rtxSsrc;
    let at = header.headerBytes;
    const seq = rtx ? readU16(bytes, at) : header.seq;
    if (rtx) at += 2;
    const extSeq = this.#highest < 0 ? seq : extendSeq(this.#highest, seq);
    this.#highest = Math.max(this.#highest, extSeq);
    if (this.packets.has(extSeq)) return !rtx;
    if (rtx) this.repaired += 1;
    this.nack.onPacket(extSeq, nowUs);
    this.#note(bytes, at, length, extSeq, nowUs);
    return true;
  }

  /** Numbers to ask for again now. */
  missing(nowUs: number, out: Uint16Array): number {
    return this.nack.poll(nowUs, RTT_US, out);
  }

  /** Complete frames in their order; `lost` counts those that were begun and never completed. */
  frames(): { readonly complete: CompleteFrame[]; readonly lost: number } {
    const complete: CompleteFrame[] = [];
    let lost = 0;
    const extSeqs = [...this.packets.keys()].sort((a, b) => a - b);
    for (const firstExtSeq of extSeqs) {
      const first = this.packets.get(firstExtSeq)!;
      if (!first.starts) continue;
      let end = firstExtSeq;
      let completeUs = first.arrivedUs;
      while (this.packets.get(end)?.ends === false) {
        end += 1;
        completeUs = Math.max(completeUs, this.packets.get(end)?.arrivedUs ?? 0);
      }
      if (this.packets.has(end))
        complete.push({ ...first, firstExtSeq, packets: end - firstExtSeq + 1, completeUs });
      else lost += 1;
    }
    return { complete, lost };
  }

  /** Outgoing numbers between the first and the last that never came. */
  get gaps(): number {
    const extSeqs = [...this.packets.keys()];
    return extSeqs.length === 0 ? 0 : Math.max(...extSeqs) - Math.min(...extSeqs) + 1 - extSeqs.length;
  }

  #note(bytes: Uint8Array, at: number, length: number, extSeq: number, nowUs: number): void {
    // An empty packet under a number that turned out not to be needed: part of no frame.
    if (at === this.#header.headerBytes + this.#header.payloadBytes) {
      const none = { pictureId: -1, tl0PicIdx: -1, frameNumber: -1 };
      this.packets.set(extSeq, { timestamp: 0, starts: false, ends: true, ...none, arrivedUs: nowUs });
      return;
    }
    const descriptorAt = this.#extensions.at[EXTENSION.dependencyDescriptor]!;
    const video = descriptorAt >= 0;
    if (video) readVp8Descriptor(bytes, at, length - at, this.#vp8);
    const first = video ? bytes[descriptorAt]! : 0xc0;
    this.payloads.push(payloadKey(bytes.subarray(at + (video ? this.#vp8.bytes : 0), length)));
    const second = Math.floor(nowUs / 1_000_000);
    this.bytesOfSecond[second] = (this.bytesOfSecond[second] ?? 0) + length;
    this.packets.set(extSeq, {
      timestamp: this.#header.timestamp,
      starts: (first & 0x80) !== 0,
      ends: (first & 0x40) !== 0,
      pictureId: video ? this.#vp8.pictureId : -1,
      tl0PicIdx: video ? this.#vp8.tl0PicIdx : -1,
      frameNumber: video ? readU16(bytes, descriptorAt + 1) : -1,
      arrivedUs: nowUs,
    });
  }
}
