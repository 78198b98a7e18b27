/** What a simulated browser publishes on one transport: microphone and camera, paced, with retransmissions. */

import { asSsrc, type ParticipantId, type TrackId } from "../../src/base/ids.ts";
import type { PayloadParams, UpTrackParams } from "../../src/contract/media.ts";
import { writeBye } from "../../src/rtp/rtcp/reports.ts";
import { seededRandom } from "./seeded-random.ts";
import { MID, OPUS, RIDS, VIDEO_PAYLOAD, type VideoKind } from "./session-parameters.ts";
import { BITRATES_BPS, type CapturedPacket, FRAMES_PER_SECOND, SimCamera } from "./sim-camera.ts";
import { SimMicrophone } from "./sim-microphone.ts";
import { SimPacer } from "./sim-pacer.ts";
import { type MadePacket, SimRtpStream } from "./sim-rtp-stream.ts";

/** What a participant publishes; video includes audio. */
export type Sends = VideoKind | "audio" | "nothing";

const AUDIO_INTERVAL_US = 20_000;
const FRAME_INTERVAL_US = 1_000_000 / FRAMES_PER_SECOND;
/** SRTP assumes a rollover counter of 0 first, so a stream starts below 2^15; close to it, to cross it in a minute. */
const FIRST_EXT_SEQ = 30_000;
/** Close to wrapping. */
const FIRST_TRANSPORT_SEQ = 0xfff0;

/** Room for a BYE of one SSRC. */
const BYE_BYTES = 8;

interface Outgoing {
  readonly bytes: number;
  readonly make: (nowUs: number) => MadePacket | undefined;
}

/** Due once in each interval. */
class Beat {
  readonly #intervalUs: number;
  readonly #phase: number;
  #last = Number.NEGATIVE_INFINITY;

  /** `phase`: where in the interval, in [0, 1). */
  constructor(intervalUs: number, phase: number) {
    this.#intervalUs = intervalUs;
    this.#phase = phase;
  }

  isDue(nowUs: number): boolean {
    const beat = Math.floor(nowUs / this.#intervalUs + this.#phase);
    if (beat === this.#last) return false;
    this.#last = beat;
    return true;
  }
}

export class SimPublisher {
  readonly audioTrack: TrackId;
  readonly videoTrack: TrackId;
  readonly microphone: SimMicrophone | null;
  readonly camera: SimCamera | null;
  /** PLIs received, by SSRC, with their times. */
  readonly plis: { readonly ssrc: number; readonly atUs: number }[] = [];
  /** Whether its frames have the trailer of LiveKit's encryption, or certainly not; null leaves them as they are. */
  seals: boolean | null = null;
  readonly #id: ParticipantId;
  readonly #sends: Sends;
  readonly #pacer: SimPacer<Outgoing>;
  readonly #clock: { readonly audio: Beat; readonly video: Beat };

  /** `index`: of the participant in the conference. */
  constructor(index: number, sends: Sends, seed: number) {
    const random = seededRandom(seed * 100 + index);
    const transportSeq = { next: FIRST_TRANSPORT_SEQ };
    const stream = (ssrc: number, rtxSsrc: number, payload: PayloadParams, encoding: number): SimRtpStream =>
      new SimRtpStream({
        ssrc,
        rtxSsrc,
        payload,
        mid: payload === OPUS ? MID.audio : MID.video,
        encoding,
        timestampOffset: Math.floor(random() * 2 ** 32),
        firstExtSeq: FIRST_EXT_SEQ,
        transportSeq,
      });
    const base = 0x1000 * (index + 1);
    const cameraSeed = seed * 100 + index;
    this.#id = `PA_${index}` as ParticipantId;
    this.audioTrack = `TR_${index}a` as TrackId;
    this.videoTrack = `TR_${index}v` as TrackId;
    this.#sends = sends;
    this.microphone =
      sends === "nothing" ? null : new SimMicrophone(stream(base, 0, OPUS, -1), index, cameraSeed);
    if (sends === "simulcast" || sends === "svc") {
      const encodings = sends === "simulcast" ? [0, 1, 2] : [-1];
      const payload = VIDEO_PAYLOAD[sends];
      const streams = encodings.map((encoding, i) => stream(base + 16 + i, base + 32 + i, payload, encoding));
      this.camera = new SimCamera(sends, streams, index, cameraSeed);
      this.#pacer = new SimPacer(BITRATES_BPS[sends].reduce((sum, one) => sum + one));
    } else {
      this.camera = null;
      this.#pacer = new SimPacer(1);
    }
    // Cameras are not synchronised with each other.
    this.#clock = {
      audio: new Beat(AUDIO_INTERVAL_US, random()),
      video: new Beat(FRAME_INTERVAL_US, random()),
    };
  }

  get tracks(): readonly UpTrackParams[] {
    const sends = this.#sends;
    if (sends === "nothing") return [];
    const audio: UpTrackParams = {
      trackId: this.audioTrack,
      publisher: this.#id,
      content: "voice",
      kind: "audio",
      mid: MID.audio,
      payloads: [OPUS],
      rids: [],
      ssrcs: [],
    };
    if (sends === "audio") return [audio];
    const isSimulcast = sends === "simulcast";
    const ssrcs = this.encodings.map(({ ssrc, rtxSsrc }) => ({
      ssrc: asSsrc(ssrc),
      rtxSsrc: asSsrc(rtxSsrc),
    }));
    const video: UpTrackParams = {
      trackId: this.videoTrack,
      publisher: this.#id,
      content: "camera",
      kind: "video",
      mid: MID.video,
      payloads: [VIDEO_PAYLOAD[sends]],
      rids: isSimulcast ? RIDS : [],
      ssrcs: isSimulcast ? [] : ssrcs,
    };
    return [audio, video];
  }

  /** Streams of the video, lowest encoding first. */
  get encodings(): readonly SimRtpStream[] {
    return this.camera?.encoders.map(({ stream }) => stream) ?? [];
  }

  /** Passes the packets that are sent now to `send`. */
  send(nowUs: number, send: (packet: MadePacket) => void): void {
    const { microphone } = this;
    if (microphone !== null && this.#clock.audio.isDue(nowUs)) {
      const recorded = microphone.record(nowUs);
      this.#end(recorded.payload);
      send(microphone.stream.write(recorded, nowUs));
    }
    if (this.camera !== null && this.#clock.video.isDue(nowUs)) {
      for (const captured of this.camera.capture(nowUs)) {
        if (captured.packet.marker) this.#end(captured.packet.payload);
        this.#pace(captured);
      }
    }
    for (let next = this.#pacer.next(nowUs); next !== undefined; next = this.#pacer.next(nowUs)) {
      const packet = next.make(nowUs);
      if (packet !== undefined) send(packet);
    }
  }

  onPli(ssrc: number, nowUs: number): void {
    this.plis.push({ ssrc, atUs: nowUs });
    this.camera?.requestKeyframe(ssrc);
  }

  onNack(ssrc: number, seq: number): void {
    const stream = this.encodings.find((one) => one.ssrc === ssrc);
    if (stream === undefined) return;
    // Its size is not known until it is looked up; assuming a full packet delays the others a little at most.
    this.#pacer.pushRepair({ bytes: 1_200, make: (nowUs) => stream.rewrite(seq, nowUs) });
  }

  /** Turns off the encodings above this one. Returns a BYE for each, as Chromium sends. */
  sendUpTo(highest: number): Uint8Array[] {
    return (this.camera?.encodeUpTo(highest) ?? []).map(({ ssrc }) => {
      const out = new Uint8Array(BYE_BYTES);
      return out.subarray(0, writeBye(out, 0, ssrc));
    });
  }

  senderReports(nowUs: number): Uint8Array[] {
    const audio = this.microphone === null ? [] : [this.microphone.stream];
    return [...audio, ...this.encodings].map((stream) => stream.report(nowUs));
  }

  #end(payload: Uint8Array): void {
    if (this.seals !== null) payload[payload.length - 2] = this.seals ? 12 : 0;
  }

  /** Queued packets of an encoding that is turned off are not sent. */
  #pace({ encoder, packet }: CapturedPacket): void {
    const make = (nowUs: number): MadePacket | undefined =>
      encoder.isActive ? encoder.stream.write(packet, nowUs) : undefined;
    this.#pacer.push({ bytes: packet.payload.length, make });
  }
}
