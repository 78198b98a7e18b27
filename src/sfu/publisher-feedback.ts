/**
 * RTCP to a publisher: transport-wide feedback, from which it estimates its bandwidth, or an estimate of ours (REMB); receiver
 * reports, NACKs and PLIs.
 */
import { SLOT } from "../base/counters.ts";
import type { Ssrc } from "../base/ids.ts";
import { ArrivalRecorder } from "../cc/arrival-recorder.ts";
import { ReceiveEstimator } from "../cc/receive-estimator.ts";
import { RoundTrip } from "../cc/round-trip.ts";
import { writeReferenceTime } from "../rtp/rtcp/extended-reports.ts";
import { writeNack, writePli } from "../rtp/rtcp/feedback.ts";
import { writeRemb } from "../rtp/rtcp/remb.ts";
import { MAX_REPORT_BLOCKS, type ReportBlock, writeReceiverReport } from "../rtp/rtcp/reports.ts";
import type { CoreContext } from "./core-context.ts";
import type { RtcpOutlet } from "./rtcp-outlet.ts";
import type { StreamDemux } from "./stream-demux.ts";
import type { UpStream } from "./up-stream.ts";
import type { UpTrack } from "./up-track.ts";

/** Sender SSRC of our feedback: any value that no stream of ours has. */
const FEEDBACK_SSRC = 1 as Ssrc;

/** RFC 3550 §6.2 allows 5 s; a second keeps a sender's loss and round-trip time fresh for 100 bytes. */
const REPORT_INTERVAL_US = 1_000_000;

/** Update interval of the estimate: short enough for the over-use detector to see a queue soon. */
const UPDATE_INTERVAL_US = 50_000;
/** A smaller decrease waits for the next report. */
const FALL = 0.97;

/** Losses asked for in one RTCP packet: more would not fit a datagram, and a longer list is a job for a PLI. */
const MAX_NACKS = 128;

/**
 * Round trip assumed for NACK retries of a publisher that does not answer reference times. Longer repairs a lost
 * retransmission later, shorter asks twice for what is on its way.
 */
const ASSUMED_RTT_US = 100_000;

/**
 * The highest loss of its listeners that a publisher is told. More adds little to what encoders do about it, and lets one
 * listener lower the publisher's own estimate; less leaves gaps in speech for those with bad networks.
 */
const MAX_TOLD_LOSS = 0.1;

export class PublisherFeedback {
  readonly arrivals = new ArrivalRecorder();
  /** Whether packets are missing that will be asked for. */
  isRepairing = false;
  /** Null while there is nothing to estimate: mostly the publisher estimates for itself. */
  #estimator: ReceiveEstimator | null = null;
  #updateUs = 0;
  #toldUs = 0;
  #toldBps = 0;
  #roundTrip = new RoundTrip();
  #nextReportUs = 0;
  readonly #missing = new Uint16Array(MAX_NACKS);
  readonly #demux: StreamDemux;
  readonly #rtcp: RtcpOutlet;
  readonly #context: CoreContext;

  constructor(demux: StreamDemux, rtcp: RtcpOutlet, context: CoreContext) {
    this.#demux = demux;
    this.#rtcp = rtcp;
    this.#context = context;
  }

  /** A packet of a publisher without transport-wide numbers: its abs-send-time and size. */
  onTimedPacket(sendTime: number, bytes: number, nowUs: number): void {
    this.#estimator ??= new ReceiveEstimator(nowUs);
    this.#estimator.onPacket(sendTime, bytes, nowUs);
  }

  get rttUs(): number {
    return this.#roundTrip.us === 0 ? ASSUMED_RTT_US : this.#roundTrip.us;
  }

  /** The publisher has moved to another network. */
  onNewPath(): void {
    this.#roundTrip = new RoundTrip();
    this.#estimator = null;
  }

  /** The publisher has answered our reference time (DLRR): values as on the wire. */
  onReferenceTimeAnswer(lastReferenceTime: number, delay: number, nowUs: number): void {
    this.#roundTrip.onEcho(lastReferenceTime, delay, nowUs);
  }

  /** Without an iterator: it runs a hundred times a second for each publisher. */
  tick(nowUs: number): void {
    while (this.arrivals.due(nowUs)) this.#sendArrivals(nowUs);
    if (this.#estimator !== null) this.#tellEstimate(this.#estimator, nowUs);
    this.isRepairing = false;
    const { tracks } = this.#demux;
    for (let i = 0; i < tracks.length; i++) this.#tickStreams(tracks[i]!.streams, nowUs);
    if (nowUs >= this.#nextReportUs) {
      this.#nextReportUs = nowUs + REPORT_INTERVAL_US;
      this.#sendReport(nowUs);
    }
  }

  #tickStreams(streams: readonly (UpStream | undefined)[], nowUs: number): void {
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i];
      if (stream === undefined) continue;
      this.#sendNack(stream, nowUs);
      this.#sendPli(stream, nowUs);
    }
  }

  #sendArrivals(nowUs: number): void {
    // The media source of transport-wide feedback is any stream of the transport (§3.1 of the draft).
    const [stream] = this.#demux.streams();
    const mediaSsrc = stream?.ssrc ?? 0;
    this.#rtcp.send((out, at) => this.arrivals.write(nowUs, out, at, FEEDBACK_SSRC, mediaSsrc));
    this.#context.counters[SLOT.twccSent]! += 1;
  }

  /** REMB: each second, and at once when it falls. */
  #tellEstimate(estimator: ReceiveEstimator, nowUs: number): void {
    if (nowUs < this.#updateUs) return;
    this.#updateUs = nowUs + UPDATE_INTERVAL_US;
    estimator.update(this.rttUs, nowUs);
    const { bps } = estimator;
    if (bps === null) return;
    if (nowUs < this.#toldUs + REPORT_INTERVAL_US && bps > this.#toldBps * FALL) return;
    this.#toldUs = nowUs;
    this.#toldBps = bps;
    const ssrcs = [...this.#demux.streams()].map(({ ssrc }) => ssrc);
    this.#rtcp.send((out, at) => writeRemb(out, at, FEEDBACK_SSRC, bps, ssrcs));
  }

  #sendNack(stream: UpStream, nowUs: number): void {
    const { nack } = stream;
    if (nack === null) return;
    const count = nack.poll(nowUs, this.rttUs, this.#missing);
    if (nack.gaveUp) {
      nack.gaveUp = false;
      // An encoding that is switched on again begins with a key frame.
      if (!stream.activity.isStopped) stream.keyframes.need();
    }
    if (nack.isRepairing) this.isRepairing = true;
    if (count === 0) return;
    this.#rtcp.send((out, at) => writeNack(out, at, FEEDBACK_SSRC, stream.ssrc, this.#missing, count));
    this.#context.counters[SLOT.nackPacketsSent]! += 1;
    this.#context.counters[SLOT.nackSeqsSent]! += count;
  }

  #sendPli(stream: UpStream, nowUs: number): void {
    const { activity, keyframes } = stream;
    if (activity.isStopped || !keyframes.poll(nowUs, activity.idleUs(nowUs))) return;
    this.#rtcp.send((out, at) => writePli(out, at, FEEDBACK_SSRC, stream.ssrc));
    this.#context.counters[SLOT.pliSent]! += 1;
  }

  #sendReport(nowUs: number): void {
    const reports = this.#demux.tracks.flatMap((track) => reportsOf(track, nowUs));
    if (reports.length === 0) return;
    // Any clock will do, for the publisher only echoes it; the thread's is used.
    this.#roundTrip.onSent(nowUs, nowUs);
    // Two RTCP packets of so many blocks do not fit one datagram.
    for (let first = 0; first < reports.length; first += MAX_REPORT_BLOCKS) {
      const blocks = reports.slice(first, first + MAX_REPORT_BLOCKS);
      this.#rtcp.send((out, at) => {
        const end = writeReceiverReport(out, at, FEEDBACK_SSRC, blocks);
        return first === 0 ? writeReferenceTime(out, end, FEEDBACK_SSRC, nowUs) : end;
      });
    }
  }
}

/**
 * Audio is not retransmitted, but Opus can carry each frame in the next one too (in-band FEC, RFC 6716 §2.1.7), and
 * encoders do as soon as losses are reported. So the publisher is told the losses of the listener that loses most, as a
 * translator forwards reports (RFC 3550 §7.2). Video has retransmissions, and an encoder that is told of losses would send
 * less to all.
 */
function reportsOf(track: UpTrack, nowUs: number): ReportBlock[] {
  const streams = track.streams.filter((stream) => stream !== undefined);
  return streams.map((stream) => {
    const report = stream.statistics.report(stream.ssrc, nowUs);
    if (track.params.kind === "video") return report;
    const worst = track.downTracks.reduce((most, { reports }) => Math.max(most, reports.fractionLost), 0);
    const told = Math.round(256 * Math.min(worst, MAX_TOLD_LOSS));
    return { ...report, fractionLost: Math.max(report.fractionLost, told) };
  });
}
