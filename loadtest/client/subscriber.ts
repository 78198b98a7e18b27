/** Receives on one link: counts packets, and answers with RR, NACK, PLI, and TWCC where negotiated. */
import { readU16, readU32 } from "../../src/base/bytes.ts";
import { ArrivalRecorder } from "../../src/cc/arrival-recorder.ts";
import { EXTENSION, EXTENSION_URI, ExtensionMap, ExtensionView } from "../../src/rtp/header-extensions.ts";
import { writeNack, writePli } from "../../src/rtp/rtcp/feedback.ts";
import { MAX_REPORT_BLOCKS, readSenderInfo, writeReceiverReport } from "../../src/rtp/rtcp/reports.ts";
import { RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import type { RtpHeader } from "../../src/rtp/rtp-header.ts";
import type { Meter } from "../measure/meter.ts";
import type { MediaLink } from "./media-link.ts";
import { type ReceivedReport, ReceivedStream } from "./received-stream.ts";
import type { Answer } from "./session-answer.ts";
import { EXTENSION_ID } from "./session-offer.ts";

const REPORT_INTERVAL_US = 1_000_000;
/** Assumed for repeating NACKs; loopback is faster, but a loaded server answers later. */
const RTT_US = 60_000;
const MAX_NACKS = 128;
const FEEDBACK_SSRC = 1;
/** As libwebrtc at several Mbit/s. */
const FEEDBACK_INTERVAL_US = 50_000;
const MAX_RTCP_BYTES = 1_400;

export interface SubscriberReport {
  readonly streams: readonly ReceivedReport[];
  readonly keyframeRequests: number;
  readonly senderReports: number;
}

const cursor = new RtcpCursor();
const missing = new Uint16Array(MAX_NACKS);
const extensions = new ExtensionView();
const extensionMap = new ExtensionMap({ [EXTENSION_URI.transportCc]: EXTENSION_ID.transportCc });

export class Subscriber {
  /** Arrival of the first media, and of the first video; 0 before. */
  firstMediaUs = 0;
  firstVideoUs = 0;
  readonly #link: MediaLink;
  readonly #streams: readonly ReceivedStream[];
  readonly #bySsrc = new Map<number, ReceivedStream>();
  readonly #arrivals: ArrivalRecorder | null;
  #reportDueUs = 0;
  /** Browsers send feedback at times relative to their own start, not to arrivals. */
  #feedbackDueUs = 0;
  #keyframeRequests = 0;
  #senderReports = 0;

  constructor(link: MediaLink, { sections, hasTransportCc }: Answer, meter: Meter) {
    this.#link = link;
    this.#streams = sections.map((section) => new ReceivedStream(section, meter));
    this.#arrivals = hasTransportCc ? new ArrivalRecorder() : null;
    for (const stream of this.#streams) {
      this.#bySsrc.set(stream.ssrc, stream);
      if (stream.rtxSsrc !== 0) this.#bySsrc.set(stream.rtxSsrc, stream);
    }
  }

  /** The link is secure: a decoder needs key frames to start. */
  start(nowUs: number): void {
    this.#feedbackDueUs = nowUs + Math.random() * FEEDBACK_INTERVAL_US;
    this.#reportDueUs = nowUs + REPORT_INTERVAL_US;
    for (const stream of this.#streams) if (stream.kind === "video") this.#requestKeyframe(stream);
  }

  tick(nowUs: number): void {
    for (const stream of this.#streams) this.#askAgain(stream, nowUs);
    this.#tellArrivals(nowUs);
    if (nowUs < this.#reportDueUs) return;
    this.#reportDueUs = nowUs + REPORT_INTERVAL_US;
    this.#reportStreams(nowUs);
  }

  receiveRtp(bytes: Uint8Array, length: number, header: RtpHeader, nowUs: number): void {
    if (this.#arrivals !== null && extensions.parse(bytes, header, extensionMap)) {
      const at = extensions.at[EXTENSION.transportCc]!;
      if (at >= 0) this.#arrivals.onPacket(readU16(bytes, at), nowUs);
    }
    const stream = this.#bySsrc.get(header.ssrc);
    if (stream === undefined) return;
    if (this.firstMediaUs === 0) this.firstMediaUs = nowUs;
    if (this.firstVideoUs === 0 && stream.kind === "video") this.firstVideoUs = nowUs;
    stream.onPacket(bytes, length, header, nowUs);
  }

  receiveRtcp(bytes: Uint8Array, length: number, nowUs: number): void {
    cursor.reset(bytes, length);
    while (cursor.next()) {
      if (cursor.packetType !== RTCP.senderReport) continue;
      const info = readSenderInfo(bytes, cursor);
      if (info === undefined) continue;
      this.#senderReports += 1;
      this.#bySsrc.get(readU32(bytes, cursor.at + 4))?.statistics.onSenderReport(info.ntpUs, nowUs);
    }
  }

  report(): SubscriberReport {
    return {
      streams: this.#streams.map((stream) => stream.report()),
      keyframeRequests: this.#keyframeRequests,
      senderReports: this.#senderReports,
    };
  }

  #askAgain(stream: ReceivedStream, nowUs: number): void {
    const { nack } = stream;
    if (nack === null) return;
    const count = nack.poll(nowUs, RTT_US, missing);
    if (nack.gaveUp) {
      nack.gaveUp = false;
      this.#requestKeyframe(stream);
    }
    if (count > 0) this.#send((out) => writeNack(out, 0, FEEDBACK_SSRC, stream.ssrc, missing, count));
  }

  #requestKeyframe({ ssrc }: ReceivedStream): void {
    this.#keyframeRequests += 1;
    this.#send((out) => writePli(out, 0, FEEDBACK_SSRC, ssrc));
  }

  #tellArrivals(nowUs: number): void {
    if (this.#arrivals === null || nowUs < this.#feedbackDueUs) return;
    this.#feedbackDueUs = nowUs + FEEDBACK_INTERVAL_US;
    while (this.#arrivals.due(nowUs)) this.#reportArrivals(this.#arrivals, nowUs);
  }

  #reportArrivals(arrivals: ArrivalRecorder, nowUs: number): void {
    const mediaSsrc = this.#streams[0]?.ssrc ?? 0;
    this.#send((out) => arrivals.write(nowUs, out, 0, FEEDBACK_SSRC, mediaSsrc));
  }

  /** Sends RR for the streams received. */
  #reportStreams(nowUs: number): void {
    const heard = this.#streams.filter(({ statistics }) => statistics.highestExtSeq >= 0);
    for (let from = 0; from < heard.length; from += MAX_REPORT_BLOCKS) {
      const blocks = heard
        .slice(from, from + MAX_REPORT_BLOCKS)
        .map(({ statistics, ssrc }) => statistics.report(ssrc, nowUs));
      this.#send((out) => writeReceiverReport(out, 0, FEEDBACK_SSRC, blocks));
    }
  }

  #send(write: (out: Uint8Array) => number): void {
    const out = new Uint8Array(MAX_RTCP_BYTES);
    this.#link.sendRtcp(out.subarray(0, write(out)));
  }
}
