/**
 * The sending side of a subscriber transport as in the media thread: video waits in a queue for the pacer, audio does
 * not, probes are sent in bursts of a tick, and the source gets its allowed rate.
 */
import { BandwidthEstimator } from "../../src/cc/bandwidth-estimator.ts";
import { Pacer } from "../../src/cc/pacer.ts";
import { NO_STREAM } from "../../src/cc/sent-packet-log.ts";
import type { VideoSource } from "./video-sources.ts";

const TICK_US = 10_000;
const FRAME_US = 33_333;
const AUDIO_US = 20_000;
const AUDIO_BYTES = 120;

const PACKET_BYTES = 1_100;
/** RTP header with extensions, and the SRTP tag. */
const RTP_BYTES = 34;
const IP_UDP_BYTES = 28;
const MIN_PADDING_BYTES = 50;

const AUDIO_BPS = ((AUDIO_BYTES + IP_UDP_BYTES) * 8 * 1_000_000) / AUDIO_US;
const PAYLOAD_SHARE = PACKET_BYTES / (PACKET_BYTES + RTP_BYTES + IP_UDP_BYTES);

/** Frames are skipped while this share of a second's worth is queued. */
const MAX_WAITING_SHARE = 1 / 3;

/** Sends the datagram of `wireBytes` with the transport-wide sequence number `seq`. */
export type Transmit = (nowUs: number, seq: number, wireBytes: number) => void;

export class PacedSender {
  readonly estimator: BandwidthEstimator;
  readonly #source: VideoSource;
  readonly #transmit: Transmit;
  readonly #pacer = new Pacer();
  readonly #waiting: number[] = [];
  #waitingBytes = 0;
  #nextFrameUs: number;
  #nextAudioUs: number;
  #nextTickUs: number;

  /** `phaseUs`: when the first frame comes after `startUs`. */
  constructor(source: VideoSource, startUs: number, phaseUs: number, transmit: Transmit) {
    this.estimator = new BandwidthEstimator(startUs);
    this.#source = source;
    this.#transmit = transmit;
    this.#nextFrameUs = startUs + phaseUs;
    this.#nextAudioUs = startUs + phaseUs / 2;
    this.#nextTickUs = startUs;
  }

  step(nowUs: number, silent: boolean): void {
    if (nowUs >= this.#nextAudioUs) {
      this.#nextAudioUs += AUDIO_US;
      if (!silent) this.#send(AUDIO_BYTES, nowUs);
    }
    if (nowUs >= this.#nextFrameUs) {
      this.#nextFrameUs += FRAME_US;
      if (silent) this.estimator.wants(0, 0);
      else this.#onFrames(this.estimator.targetBps);
      this.#drain(nowUs);
    }
    if (nowUs >= this.#nextTickUs) {
      this.#nextTickUs += TICK_US;
      this.#tick(nowUs);
    }
  }

  #onFrames(targetBps: number): void {
    const frames = this.#source.frames(Math.max(0, targetBps - AUDIO_BPS) * PAYLOAD_SHARE);
    this.estimator.wants(onWire(this.#source.nextBps), onWire(this.#source.mostBps));
    if (this.#waitingBytes * 8 > MAX_WAITING_SHARE * targetBps) return;
    for (const frameBytes of frames) {
      for (let left = frameBytes; left > 0; left -= PACKET_BYTES) {
        const bytes = Math.min(left, PACKET_BYTES) + RTP_BYTES;
        this.#waiting.push(bytes);
        this.#waitingBytes += bytes;
      }
    }
  }

  #tick(nowUs: number): void {
    const { estimator } = this;
    estimator.tick(nowUs);
    this.#pacer.setRate(estimator.paceBps(nowUs));
    this.#drain(nowUs);
    for (let due = estimator.probeBytesDue(nowUs); due > 0; due = estimator.probeBytesDue(nowUs)) {
      const bytes = Math.min(Math.max(due - IP_UDP_BYTES, MIN_PADDING_BYTES), PACKET_BYTES + RTP_BYTES);
      this.#send(bytes, nowUs);
    }
  }

  #drain(nowUs: number): void {
    while (this.#waiting.length > 0 && this.#pacer.maySend(nowUs)) {
      const bytes = this.#waiting.shift()!;
      this.#waitingBytes -= bytes;
      this.#send(bytes, nowUs);
    }
  }

  #send(bytes: number, nowUs: number): void {
    const { nextSeq } = this.estimator;
    this.estimator.onSent(bytes, nowUs, NO_STREAM, 0);
    this.#pacer.onSent(bytes, nowUs);
    this.#transmit(nowUs, nextSeq, bytes + IP_UDP_BYTES);
  }
}

/** Rate on the wire of video of `bps`, including headers and audio; 0 for none. */
function onWire(bps: number): number {
  return bps === 0 ? 0 : bps / PAYLOAD_SHARE + AUDIO_BPS;
}
