/**
 * One SSRC of a published track: a simulcast encoding, an SVC stream, or the audio. Extends its sequence numbers, keeps its
 * history, finds its losses, and reads from headers what layer selection needs.
 */

import { isAudio } from "../base/codec.ts";
import type { Ssrc } from "../base/ids.ts";
import { extendSeq } from "../base/sequence.ts";
import { NackGenerator } from "../cc/nack-generator.ts";
import { ReceiveStatistics } from "../cc/receive-statistics.ts";
import type { PayloadParams } from "../contract/media.ts";
import { DependencyDescriptorReader } from "../rtp/dependency-descriptor.ts";
import { EXTENSION, type ExtensionMap } from "../rtp/header-extensions.ts";
import { parseRtpHeader, readPadding } from "../rtp/rtp-header.ts";
import { ReplayWindow } from "../srtp/replay-window.ts";
import { KeyframeRequester } from "./keyframe-requester.ts";
import { LayerRates } from "./layer-rates.ts";
import { NOT_STORED, PacketHistory } from "./packet-history.ts";
import { PayloadReader } from "./payload-reader.ts";
import { RateMeter } from "./rate-meter.ts";
import { SenderClock } from "./sender-clock.ts";
import { StreamActivity } from "./stream-activity.ts";
import type { UpPacket } from "./up-packet.ts";

/** History sizes, bytes: audio of 64 kbit/s fills 16 KiB in two seconds, video starts small and grows by its bitrate. */
const AUDIO_HISTORY_BYTES = 16 * 1024;
const VIDEO_HISTORY_BYTES = 64 * 1024;
const VIDEO_HISTORY_MAX_BYTES = 1024 * 1024;

/** Packets among which one is known again, a power of two. What comes later than so many others is sealed for nobody any more. */
const DUPLICATE_PACKETS = 1024;

/** At most two PLIs a second to an encoder; half a second also covers an RTT and the encoding of a key frame. */
const PLI_RETRY_US = 500_000;

/** An encoding silent for this long counts as switched off. Must exceed the frame interval of a slow screen share. */
const ACTIVE_US = 1_500_000;

export class UpStream {
  readonly ssrc: Ssrc;
  /** Index in the track, which may put them in another order: the spatial layer under simulcast, otherwise without meaning. */
  encoding: number;
  readonly clock = new SenderClock();
  readonly statistics: ReceiveStatistics;
  /** Null for audio: a decoder conceals the loss before a retransmission could arrive. */
  readonly nack: NackGenerator | null;
  readonly keyframes = new KeyframeRequester(PLI_RETRY_US);
  readonly history: PacketHistory;
  readonly rate = new RateMeter();
  readonly activity = new StreamActivity();
  readonly layerRates = new LayerRates();
  readonly #received = new ReplayWindow(DUPLICATE_PACKETS);
  readonly #descriptors = new DependencyDescriptorReader();
  readonly #payload = new PayloadReader();
  hasDescriptor = false;
  /** Highest number of a packet with media; -1 before the first. */
  highestExtSeq = -1;
  /** Number of the first packet with media. */
  #firstExtSeq = -1;

  readonly #extensions: ExtensionMap;

  /** `extensions`: the publisher's extension ids, to read stored packets again. */
  constructor(ssrc: Ssrc, encoding: number, payload: PayloadParams, extensions: ExtensionMap) {
    this.ssrc = ssrc;
    this.encoding = encoding;
    this.#extensions = extensions;
    this.statistics = new ReceiveStatistics(payload.clockRate);
    const audio = isAudio(payload.codec);
    this.nack = audio ? null : new NackGenerator();
    this.history = audio
      ? new PacketHistory(AUDIO_HISTORY_BYTES, AUDIO_HISTORY_BYTES)
      : new PacketHistory(VIDEO_HISTORY_BYTES, VIDEO_HISTORY_MAX_BYTES);
  }

  /**
   * Whether `extSeq` was received before, on the primary SSRC or as a retransmission, or so long ago that nobody can tell. The
   * history cannot: after a second of little, one of much takes its place in some tenths of a second.
   */
  isDuplicate(extSeq: number): boolean {
    return !this.#received.isFresh(extSeq);
  }

  /** Whether `seq`, received or missing, lies between the first number and the highest. */
  hasPassed(seq: number): boolean {
    if (this.highestExtSeq < 0) return false;
    const extSeq = extendSeq(this.highestExtSeq, seq);
    return extSeq >= this.#firstExtSeq && extSeq <= this.highestExtSeq;
  }

  /** Stores a new packet with media, of this encoding, and fills in what layer selection needs. */
  accept(packet: UpPacket, payload: PayloadParams): void {
    if (packet.extSeq > this.highestExtSeq) {
      if (this.highestExtSeq < 0) this.#firstExtSeq = packet.extSeq;
      this.highestExtSeq = packet.extSeq;
    }
    packet.highestExtSeq = this.highestExtSeq;
    this.#received.mark(packet.extSeq);
    this.history.put(packet.extSeq, packet.bytes, packet.length, packet.receivedUs);
    this.rate.add(packet.length);
    this.activity.onPacket(packet.receivedUs);
    this.readFrame(packet, payload);
    const { frame } = packet;
    this.layerRates.add(frame, packet.length, packet.receivedUs);
    if (isAudio(payload.codec)) return;
    if (frame.keyframe && frame.startsFrame) this.keyframes.onKeyframe();
  }

  /**
   * Reads a packet back from the history into `out`, without frame facts, as if it came now. Returns false when it never
   * came or is forgotten.
   */
  recall(extSeq: number, nowUs: number, out: UpPacket): boolean {
    const { history } = this;
    const row = history.find(extSeq);
    if (row === NOT_STORED) return false;
    const at = history.at(row);
    const { header, extensions } = out;
    out.length = history.bytes(row);
    out.bytes = history.slab.subarray(at, at + out.length);
    if (!parseRtpHeader(out.bytes, out.length, header)) return false;
    if (!readPadding(out.bytes, out.length, header)) return false;
    if (!extensions.parse(out.bytes, header, this.#extensions)) return false;
    out.payload = out.bytes.subarray(header.headerBytes, header.headerBytes + header.payloadBytes);
    out.receivedUs = nowUs;
    out.nowUs = nowUs;
    out.encoding = this.encoding;
    out.extSeq = extSeq;
    return true;
  }

  isActive(nowUs: number): boolean {
    return this.activity.idleUs(nowUs) < ACTIVE_US;
  }

  /** Reads the frame facts from the Dependency Descriptor, or without one from the codec's payload descriptor. */
  readFrame(packet: UpPacket, payload: PayloadParams): void {
    packet.clearFrameFacts();
    packet.codec = payload.codec;
    if (isAudio(payload.codec)) return;
    const { extensions, frame } = packet;
    const at = extensions.at[EXTENSION.dependencyDescriptor]!;
    if (at >= 0) {
      this.hasDescriptor = true;
      const bytes = extensions.bytes[EXTENSION.dependencyDescriptor]!;
      this.#descriptors.read(packet.bytes, at, bytes, frame);
    } else if (!this.#payload.read(packet, payload.codec)) frame.reset();
    this.#payload.readNumbers(packet, payload.codec, packet.extSeq === this.highestExtSeq);
  }
}
