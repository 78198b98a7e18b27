/**
 * RTCP from one peer: reports of what it sends, and its wishes about what it receives.
 *
 * A datagram is split exactly; what does not belong to a stream of this peer is passed over.
 */
import { type CounterName, SLOT } from "../base/counters.ts";
import { asSsrc } from "../base/ids.ts";
import { ReceiverEstimates } from "../cc/receiver-estimates.ts";
import { UNKNOWN_PACKET } from "../cc/sent-packet-log.ts";
import { readDlrr, readReferenceTime, readSenderSsrc } from "../rtp/rtcp/extended-reports.ts";
import { readFir, readMediaSsrc, readNack } from "../rtp/rtcp/feedback.ts";
import { readRemb } from "../rtp/rtcp/remb.ts";
import { readBye, readReportBlocks, readSenderInfo } from "../rtp/rtcp/reports.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../rtp/rtcp/rtcp-cursor.ts";
import { SRTP_REPLAYED, SRTP_TOO_MANY_STREAMS, type SrtpReceiver } from "../srtp/srtp-receiver.ts";
import type { CoreContext } from "./core-context.ts";
import type { DownTrack } from "./down-track.ts";
import { NO_LAYER } from "./layer-selector.ts";
import type { PublisherFeedback } from "./publisher-feedback.ts";
import { downTrackOf, Retransmitter } from "./retransmitter.ts";
import type { SendController } from "./send-controller.ts";
import type { StreamDemux } from "./stream-demux.ts";
import type { SubscriberReports } from "./subscriber-reports.ts";

/**
 * Numbers that the NACKs of one datagram may name: as many as a down track remembers of what it sent. A browser asks for no
 * more than a thousand at once. Larger: a datagram full of them, which can name six thousand, holds up everybody's media.
 */
const MAX_NACKED = 1_024;

/** The parts of one transport that RTCP is for. */
interface RtcpListeners {
  readonly demux: StreamDemux;
  readonly downTracks: readonly DownTrack[];
  readonly feedback: PublisherFeedback;
  readonly reports: SubscriberReports;
  readonly controller: SendController;
}

export class RtcpInlet {
  /** Null until the handshake has given keys. */
  receiver: SrtpReceiver | null = null;
  readonly #cursor = new RtcpCursor();
  /** Numbers named by the NACKs of the present datagram. */
  #nacked = 0;
  readonly #demux: StreamDemux;
  readonly #downTracks: readonly DownTrack[];
  readonly #feedback: PublisherFeedback;
  readonly #reports: SubscriberReports;
  readonly #controller: SendController;
  readonly #retransmitter: Retransmitter;
  readonly #estimates = new ReceiverEstimates();
  readonly #context: CoreContext;

  constructor(listeners: RtcpListeners, context: CoreContext) {
    this.#demux = listeners.demux;
    this.#downTracks = listeners.downTracks;
    this.#feedback = listeners.feedback;
    this.#reports = listeners.reports;
    this.#controller = listeners.controller;
    this.#retransmitter = new Retransmitter(listeners.controller, context);
    this.#context = context;
  }

  /** One SRTCP datagram in `bytes[0, length)`, opened in place. Returns whether it is authentic. */
  receive(bytes: Uint8Array, length: number, nowUs: number): boolean {
    if (this.receiver === null) {
      this.#count("upDropped_not_secure");
      return false;
    }
    const opened = this.receiver.openRtcp(bytes, length);
    if (opened < 0) {
      this.#count(refusal(opened));
      return false;
    }
    this.#count("upRtcpPackets");
    this.#readCompound(bytes, opened, nowUs);
    return true;
  }

  #readCompound(bytes: Uint8Array, length: number, nowUs: number): void {
    const cursor = this.#cursor;
    this.#nacked = 0;
    cursor.reset(bytes, length);
    while (cursor.next()) {
      if (!this.#receivePacket(bytes, nowUs)) return this.#count("upDropped_malformed_rtcp");
    }
    if (!cursor.complete) this.#count("upDropped_malformed_rtcp");
  }

  /** Returns false when the packet under the cursor is cut short. */
  #receivePacket(bytes: Uint8Array, nowUs: number): boolean {
    switch (this.#cursor.packetType) {
      case RTCP.senderReport:
        return this.#onSenderReport(bytes, nowUs) && this.#onReportBlocks(bytes, nowUs);
      case RTCP.receiverReport:
        return this.#onReportBlocks(bytes, nowUs);
      case RTCP.bye:
        return this.#onBye(bytes, nowUs);
      case RTCP.extendedReport:
        return this.#onExtendedReport(bytes, nowUs);
      case RTCP.transportFeedback:
        return this.#onTransportFeedback(bytes, nowUs);
      case RTCP.payloadFeedback:
        return this.#onPayloadFeedback(bytes, nowUs);
      default:
        return true;
    }
  }

  #onSenderReport(bytes: Uint8Array, nowUs: number): boolean {
    const info = readSenderInfo(bytes, this.#cursor);
    if (info === undefined) return false;
    const { ssrc, ntpUs, timestamp } = info;
    const binding = this.#demux.binding(asSsrc(ssrc));
    binding?.track.onSenderReport(binding.stream, ntpUs, timestamp, nowUs);
    return true;
  }

  #onReportBlocks(bytes: Uint8Array, nowUs: number): boolean {
    const blocks = readReportBlocks(bytes, this.#cursor);
    if (blocks === undefined) return false;
    let expected = 0;
    let lost = 0;
    let rttUs = -1;
    let cameExtSeq = UNKNOWN_PACKET;
    for (const block of blocks) {
      const downTrack = this.#downTrackOf(block.ssrc);
      if (downTrack === undefined) continue;
      const { stream, reports } = downTrack;
      reports.onReportBlock(block, nowUs);
      expected += reports.expected;
      lost += reports.lost;
      rttUs = Math.max(rttUs, reports.rttUs);
      cameExtSeq = Math.max(cameExtSeq, stream.transportExtSeq(block.highestSeq & 0xffff));
      stream.isKnown = true;
    }
    if (rttUs >= 0) this.#controller.onReport(expected, lost, rttUs, cameExtSeq, nowUs);
    return true;
  }

  #onBye(bytes: Uint8Array, nowUs: number): boolean {
    const ssrcs = readBye(bytes, this.#cursor);
    if (ssrcs === undefined) return false;
    for (const ssrc of ssrcs) {
      const binding = this.#demux.binding(asSsrc(ssrc));
      binding?.track.onBye(binding.stream, nowUs);
    }
    return true;
  }

  #onExtendedReport(bytes: Uint8Array, nowUs: number): boolean {
    const ssrc = readSenderSsrc(bytes, this.#cursor);
    if (ssrc === undefined) return false;
    const ntpUs = readReferenceTime(bytes, this.#cursor);
    if (ntpUs !== undefined) this.#reports.onReferenceTime(ssrc, ntpUs, nowUs);
    for (const { lastReferenceTime, delay } of readDlrr(bytes, this.#cursor)) {
      this.#feedback.onReferenceTimeAnswer(lastReferenceTime, delay, nowUs);
    }
    return true;
  }

  #onTransportFeedback(bytes: Uint8Array, nowUs: number): boolean {
    switch (this.#cursor.count) {
      case FEEDBACK.nack:
        return this.#onNack(bytes, nowUs);
      case FEEDBACK.transportWide:
        return this.#onTransportWide(bytes, nowUs);
      default:
        return true;
    }
  }

  #onTransportWide(bytes: Uint8Array, nowUs: number): boolean {
    if (!this.#controller.onTransportFeedback(bytes, this.#cursor, nowUs)) return false;
    this.#retransmitter.onFeedback(this.#downTracks, nowUs);
    return true;
  }

  #onNack(bytes: Uint8Array, nowUs: number): boolean {
    const ssrc = readMediaSsrc(bytes, this.#cursor);
    if (ssrc === undefined) return false;
    this.#count("nackPacketsReceived");
    const downTrack = this.#downTrackOf(ssrc);
    readNack(bytes, this.#cursor, (seq) => {
      this.#count("nackSeqsReceived");
      this.#nacked += 1;
      if (this.#nacked > MAX_NACKED) this.#count("nackSeqsOverBudget");
      else if (downTrack !== undefined) this.#retransmitter.onNack(downTrack, seq, nowUs);
    });
    return true;
  }

  #onPayloadFeedback(bytes: Uint8Array, nowUs: number): boolean {
    const ssrc = readMediaSsrc(bytes, this.#cursor);
    if (ssrc === undefined) return false;
    if (this.#cursor.count === FEEDBACK.pli) {
      this.#count("pliReceived");
      this.#downTrackOf(ssrc)?.onKeyframeRequest();
    } else if (this.#cursor.count === FEEDBACK.fir) {
      this.#count("firReceived");
      for (const asked of readFir(bytes, this.#cursor)) this.#downTrackOf(asked)?.onKeyframeRequest();
    } else if (this.#cursor.count === FEEDBACK.application) {
      this.#onRemb(bytes, nowUs);
    }
    return true;
  }

  #onRemb(bytes: Uint8Array, nowUs: number): void {
    const remb = readRemb(bytes, this.#cursor);
    if (remb === undefined) return;
    this.#count("rembReceived");
    const { bps, ssrcs } = remb;
    this.#estimates.add(
      bps,
      ssrcs.filter((ssrc) => this.#downTrackOf(ssrc) !== undefined),
      nowUs,
    );
    // Few receivers estimate anything from voices.
    const videos = this.#downTracks.filter(({ isVideo, encoding }) => isVideo && encoding !== NO_LAYER);
    const limitBps = this.#estimates.limitBps(
      videos.map(({ params }) => params.ssrc),
      nowUs,
    );
    if (limitBps !== undefined) this.#controller.onRemb(limitBps, nowUs);
  }

  #downTrackOf(ssrc: number): DownTrack | undefined {
    return downTrackOf(ssrc, this.#downTracks);
  }

  #count(name: CounterName): void {
    this.#context.counters[SLOT[name]]! += 1;
  }
}

function refusal(code: number): CounterName {
  if (code === SRTP_REPLAYED) return "upDropped_srtcp_replay";
  return code === SRTP_TOO_MANY_STREAMS ? "upDropped_stream_limit" : "upDropped_srtcp_auth";
}
