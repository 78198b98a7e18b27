/** One SSRC as a subscriber receives it, with its RTX partner: counts, delays, and NACKs. */
import { readU16 } from "../../src/base/bytes.ts";
import { extendSeq } from "../../src/base/sequence.ts";
import { NackGenerator } from "../../src/cc/nack-generator.ts";
import { ReceiveStatistics } from "../../src/cc/receive-statistics.ts";
import { type RtpHeader, readPadding } from "../../src/rtp/rtp-header.ts";
import { type AuditedRun, LayerAudit } from "../measure/layer-audit.ts";
import { AUDIO_LAYER, FIRST_VIDEO_LAYER, type Meter } from "../measure/meter.ts";
import { SequenceTally } from "../measure/sequence-tally.ts";
import { type PacketStamp, readStamp } from "./packet-stamp.ts";
import type { AnsweredSection } from "./session-answer.ts";
import { CLOCK_RATE, PAYLOAD_TYPE } from "./session-offer.ts";

const OSN_BYTES = 2;
/** Numbers start one cycle up, so that a packet from before the first one is not negative. */
const CYCLE = 0x1_0000;

export interface ReceivedReport {
  readonly kind: "audio" | "video";
  readonly received: number;
  readonly bytes: number;
  readonly gaps: number;
  readonly repaired: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly lost: number;
  /** Packets without our stamp, of which nothing else is known. */
  readonly foreign: number;
  readonly runs: readonly AuditedRun[];
}

const stamp: PacketStamp = { sentUs: 0, publisher: 0, layer: 0, layers: 0, number: 0 };

export class ReceivedStream {
  readonly kind: "audio" | "video";
  readonly ssrc: number;
  readonly rtxSsrc: number;
  readonly statistics: ReceiveStatistics;
  /** Null for audio, which is not repaired. */
  readonly nack: NackGenerator | null;
  readonly #tally = new SequenceTally();
  readonly #audit = new LayerAudit();
  readonly #meter: Meter;
  #bytes = 0;
  #foreign = 0;

  constructor({ kind, ssrc, rtxSsrc }: AnsweredSection, meter: Meter) {
    this.kind = kind;
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
    this.statistics = new ReceiveStatistics(CLOCK_RATE[kind]);
    this.nack = kind === "video" && rtxSsrc !== 0 ? new NackGenerator() : null;
    this.#meter = meter;
  }

  /** Processes a decrypted packet on either SSRC, in `bytes[0, length)`. */
  onPacket(bytes: Uint8Array, length: number, header: RtpHeader, nowUs: number): void {
    if (!readPadding(bytes, length, header)) return;
    const rtx = header.ssrc === this.rtxSsrc && this.rtxSsrc !== 0;
    // Empty packets are probes for bandwidth.
    if (header.payloadBytes <= (rtx ? OSN_BYTES : 0)) return;
    const tally = this.#tally;
    const seq = rtx ? readU16(bytes, header.headerBytes) : header.seq;
    const extSeq = tally.highest < 0 ? seq + CYCLE : extendSeq(tally.highest, seq);
    const { sample } = this.#meter;
    const gaps = tally.gaps;
    const filled = tally.repaired + tally.outOfOrder;
    this.nack?.onPacket(extSeq, nowUs);
    if (!rtx && extSeq >= CYCLE) this.statistics.onPacket(extSeq - CYCLE, header.timestamp, nowUs);
    const isNew = tally.onPacket(extSeq, rtx);
    sample.gaps += tally.gaps - gaps;
    sample.filled += tally.repaired + tally.outOfOrder - filled;
    if (!isNew) {
      sample.duplicates += 1;
      return;
    }
    sample.receivedPackets += 1;
    this.#bytes += length;
    this.#onPayload(bytes, length - header.paddingBytes, length, header, nowUs);
  }

  report(): ReceivedReport {
    const { received, gaps, repaired, outOfOrder, duplicates, lost } = this.#tally;
    const { runs } = this.#audit;
    const { kind } = this;
    return {
      kind,
      received,
      bytes: this.#bytes,
      gaps,
      repaired,
      outOfOrder,
      duplicates,
      lost,
      foreign: this.#foreign,
      runs,
    };
  }

  #onPayload(bytes: Uint8Array, end: number, length: number, header: RtpHeader, nowUs: number): void {
    const { sample, delays } = this.#meter;
    if (!readStamp(bytes, end, stamp)) {
      this.#foreign += 1;
      return;
    }
    delays.add(nowUs - stamp.sentUs);
    const layer = this.kind === "audio" ? AUDIO_LAYER : FIRST_VIDEO_LAYER + stamp.layer;
    if (layer < sample.receivedBytes.length) sample.receivedBytes[layer]! += length;
    const { vp9, vp9Rtx } = PAYLOAD_TYPE;
    // With SVC the lower layers of key pictures come as well; with simulcast one encoding comes at a time.
    this.#audit.onPacket(stamp, header.payloadType === vp9 || header.payloadType === vp9Rtx);
  }
}
