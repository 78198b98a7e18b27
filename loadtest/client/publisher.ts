/** Publishes on one link: audio every 20 ms, a picture every frame interval, reports; answers NACK and PLI. */
import { randomBytes } from "node:crypto";
import { ntpMiddle } from "../../src/base/ntp.ts";
import { readFir, readMediaSsrc, readNack } from "../../src/rtp/rtcp/feedback.ts";
import { readReportBlocks } from "../../src/rtp/rtcp/reports.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../../src/rtp/rtcp/rtcp-cursor.ts";
import type { Meter } from "../measure/meter.ts";
import type { MediaLink } from "./media-link.ts";
import { ntpNowUs } from "./monotonic-clock.ts";
import { writeStamp } from "./packet-stamp.ts";
import { RtpStream } from "./rtp-stream.ts";
import { AUDIO_MID, CLOCK_RATE, PAYLOAD_TYPE, RIDS, VIDEO_MID, type VideoMode } from "./session-offer.ts";
import { VideoSource } from "./video-source.ts";

const AUDIO_INTERVAL_US = 20_000;
/** 64 bytes would be speech, 160 music. */
const AUDIO_BYTES = 100;
const REPORT_INTERVAL_US = 1_000_000;
/** A sender that is later than this skips pictures, as an encoder does without CPU time. */
const LATE_INTERVALS = 1;

export interface PublisherOptions {
  readonly link: MediaLink;
  /** Index in the whole run. */
  readonly publisher: number;
  readonly video: VideoMode;
  readonly audio: boolean;
  readonly bitratesBps: readonly number[];
  readonly framesPerSecond: number;
  readonly meter: Meter;
  readonly clock: () => number;
}

export interface SentStream {
  readonly kind: "audio" | "video";
  readonly layer: number;
  readonly packets: number;
}

export interface PublisherReport {
  readonly streams: readonly SentStream[];
  readonly packets: number;
  readonly bytes: number;
  readonly keyframes: number;
  readonly keyframeRequests: number;
  readonly nacked: number;
  readonly resent: number;
  /** Lost on the way up before repair, as the server reported. */
  readonly lostUp: number;
  /** From report blocks; -1 before the first. */
  readonly rttUs: number;
  /** Transport-wide feedback messages received. */
  readonly feedbacks: number;
}

const cursor = new RtcpCursor();

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #audio: RtpStream | null;
  readonly #video: VideoSource | null;
  readonly #streams: readonly RtpStream[];
  #audioPackets = 0;
  #audioDueUs = 0;
  #pictureDueUs = 0;
  #reportDueUs = 0;
  #feedbacks = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const { link, video, audio, bitratesBps, framesPerSecond, publisher, clock } = options;
    const transportSeq = { next: 0 };
    const stream = (mid: string, rid: string, payloadType: number, rtxPayloadType: number): RtpStream =>
      new RtpStream({
        link,
        mid,
        rid,
        payloadType,
        rtxPayloadType,
        clockRate: mid === AUDIO_MID ? CLOCK_RATE.audio : CLOCK_RATE.video,
        transportSeq,
      });
    this.#audio = audio ? stream(AUDIO_MID, "", PAYLOAD_TYPE.opus, 0) : null;
    const { vp8, vp8Rtx, vp9, vp9Rtx } = PAYLOAD_TYPE;
    const videoStreams = {
      none: () => [],
      single: () => [stream(VIDEO_MID, "", vp8, vp8Rtx)],
      simulcast: () => RIDS.map((rid) => stream(VIDEO_MID, rid, vp8, vp8Rtx)),
      svc: () => [stream(VIDEO_MID, "", vp9, vp9Rtx)],
    }[video]();
    this.#video =
      video === "none"
        ? null
        : new VideoSource({
            mode: video,
            bitratesBps,
            framesPerSecond,
            streams: videoStreams,
            publisher,
            clock,
          });
    this.#streams = [...(this.#audio === null ? [] : [this.#audio]), ...videoStreams];
  }

  /** Starts sending. Publishers start at random times in their frame interval, as in reality. */
  start(nowUs: number): void {
    const phase = randomBytes(2).readUInt16BE() / 65_536;
    this.#audioDueUs = nowUs + Math.round(phase * AUDIO_INTERVAL_US);
    this.#pictureDueUs = nowUs + Math.round(phase * this.#pictureIntervalUs);
    this.#reportDueUs = nowUs;
  }

  get #pictureIntervalUs(): number {
    return 1_000_000 / this.#options.framesPerSecond;
  }

  tick(nowUs: number): void {
    const { meter } = this.#options;
    const before = this.#totals();
    for (; this.#audio !== null && this.#audioDueUs <= nowUs; this.#audioDueUs += AUDIO_INTERVAL_US) {
      this.#sendAudio(this.#audio, this.#audioDueUs);
    }
    const intervalUs = this.#pictureIntervalUs;
    if (this.#video !== null && this.#pictureDueUs <= nowUs) {
      const late = Math.floor((nowUs - this.#pictureDueUs) / intervalUs);
      if (late > LATE_INTERVALS) {
        meter.sample.skippedPictures += late;
        this.#pictureDueUs += late * intervalUs;
      }
      this.#video.sendPicture(this.#pictureDueUs);
      this.#pictureDueUs += intervalUs;
    }
    if (nowUs >= this.#reportDueUs) {
      this.#reportDueUs = nowUs + REPORT_INTERVAL_US;
      const ntpUs = ntpNowUs();
      for (const stream of this.#streams) this.#options.link.sendRtcp(stream.report(ntpUs, nowUs));
    }
    const after = this.#totals();
    meter.sample.sentPackets += after.packets - before.packets;
    meter.sample.sentBytes += after.bytes - before.bytes;
  }

  receiveRtcp(bytes: Uint8Array, length: number, nowUs: number): void {
    cursor.reset(bytes, length);
    while (cursor.next()) {
      if (cursor.packetType === RTCP.receiverReport) this.#onReport(bytes);
      if (cursor.packetType === RTCP.payloadFeedback) this.#onKeyframeRequest(bytes);
      if (cursor.packetType !== RTCP.transportFeedback) continue;
      if (cursor.count === FEEDBACK.transportWide) this.#feedbacks += 1;
      if (cursor.count === FEEDBACK.nack) {
        const stream = this.#streamOf(readMediaSsrc(bytes, cursor));
        readNack(bytes, cursor, (seq) => stream?.onNack(seq, nowUs));
      }
    }
  }

  report(): PublisherReport {
    const sum = (of: (stream: RtpStream) => number): number =>
      this.#streams.reduce((total, stream) => total + of(stream), 0);
    const audio: SentStream[] =
      this.#audio === null ? [] : [{ kind: "audio", layer: 0, packets: this.#audioPackets }];
    const video = this.#video?.layers.map(({ index, packets }) => ({
      kind: "video" as const,
      layer: index,
      packets,
    }));
    return {
      streams: [...audio, ...(video ?? [])],
      ...this.#totals(),
      keyframes: this.#video?.keyframes ?? 0,
      keyframeRequests: sum(({ keyframeRequests }) => keyframeRequests),
      nacked: sum(({ nacked }) => nacked),
      resent: sum(({ resent }) => resent),
      lostUp: sum(({ lostUp }) => lostUp),
      rttUs: Math.max(-1, ...this.#streams.map(({ rttUs }) => rttUs)),
      feedbacks: this.#feedbacks,
    };
  }

  #sendAudio(stream: RtpStream, captureUs: number): void {
    const nowUs = this.#options.clock();
    const payload = randomBytes(AUDIO_BYTES);
    const number = this.#audioPackets++;
    const { publisher } = this.#options;
    writeStamp(payload, AUDIO_BYTES, { sentUs: nowUs, publisher, layer: 0, layers: 1, number });
    const timestamp = stream.timestampAt(captureUs);
    stream.send({ marker: false, timestamp, payload, descriptor: null }, nowUs);
  }

  #onReport(bytes: Uint8Array): void {
    for (const block of readReportBlocks(bytes, cursor) ?? []) {
      const stream = this.#streamOf(block.ssrc);
      if (stream === undefined) continue;
      stream.isKnown = true;
      stream.lostUp = block.cumulativeLost;
      if (block.lastSr === 0) continue;
      const delay = (ntpMiddle(ntpNowUs()) - block.lastSr - block.delaySinceLastSr) | 0;
      stream.rttUs = Math.max(0, Math.round((delay * 1_000_000) / 65_536));
    }
  }

  #onKeyframeRequest(bytes: Uint8Array): void {
    const isFir = cursor.count === FEEDBACK.fir;
    if (!isFir && cursor.count !== FEEDBACK.pli) return;
    for (const ssrc of isFir ? readFir(bytes, cursor) : [readMediaSsrc(bytes, cursor)]) {
      const stream = this.#streamOf(ssrc);
      if (stream === undefined || stream === this.#audio) continue;
      stream.keyframeRequests += 1;
      this.#video?.onKeyframeRequest(stream);
    }
  }

  #streamOf(ssrc: number | undefined): RtpStream | undefined {
    return this.#streams.find((stream) => stream.ssrc === ssrc);
  }

  #totals(): { packets: number; bytes: number } {
    let packets = 0;
    let bytes = 0;
    for (const stream of this.#streams) {
      packets += stream.packets;
      bytes += stream.bytes;
    }
    return { packets, bytes };
  }
}
