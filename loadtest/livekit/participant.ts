/**
 * A synthetic participant on LiveKit's client protocol: it publishes microphone and camera, and records from whom it
 * received the same. It negotiates as LiveKit's clients do, and decodes nothing.
 *
 *   single   one link; we offer, and again whenever the server asks for sections
 *   dual     a link up, which we offer, and a link down, which the server offers
 */
import { randomBytes } from "node:crypto";
import {
  AddTrackRequest,
  Ping,
  SessionDescription,
  type SignalResponse,
  TrackSource,
  TrackType,
} from "@livekit/protocol";
import { SRTP_AEAD_AES_128_GCM } from "../../src/contract/dtls.ts";
import type { IceCredentials } from "../../src/contract/media.ts";
import type { DtlsCertificate } from "../../src/dtls/dtls-certificate.ts";
import type { RtpHeader } from "../../src/rtp/rtp-header.ts";
import { parseDescription } from "../../src/sdp/parse.ts";
import type { SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { MediaLink } from "../client/media-link.ts";
import { type PacketStamp, readStamp } from "../client/packet-stamp.ts";
import { Publisher } from "../client/publisher.ts";
import { readAnswer } from "../client/session-answer.ts";
import {
  AUDIO_MID,
  type LocalDescription,
  PAYLOAD_TYPE,
  type SectionPlan,
  VIDEO_MID,
  writeOffer,
} from "../client/session-offer.ts";
import type { Meter } from "../measure/meter.ts";
import { writeAnswer } from "./answer-text.ts";
import { type Mode, SignalSocket } from "./signal-socket.ts";

/** From the lowest encoding to the highest; small, since what is measured is who receives what and when. */
const BITRATES_BPS = [60_000, 150_000, 300_000];
const FRAMES_PER_SECOND = 10;
/** As in livekit-client's first offer. */
const FIRST_SECTIONS = 3;
const PING_US = 5_000_000;

export interface ParticipantTools {
  readonly url: string;
  readonly mode: Mode;
  readonly certificate: DtlsCertificate;
  readonly ciphers: SrtpCipherFactory;
  readonly meter: Meter;
  readonly clock: () => number;
}

const stamp: PacketStamp = { sentUs: 0, publisher: 0, layer: 0, layers: 0, number: 0 };

export class Participant {
  readonly index: number;
  /** By the clock of the tools. */
  startedUs = 0;
  /** By publisher: when its first audio was received, and its first complete picture. */
  readonly heard = new Map<number, number>();
  readonly seen = new Map<number, number>();
  /** Negotiations, whoever started them. */
  negotiations = 0;
  negotiatedBytes = 0;
  /** Why it has failed; empty while it has not. */
  failure = "";
  readonly #tools: ParticipantTools;
  readonly #links: MediaLink[] = [];
  readonly #up: LocalDescription;
  readonly #down: LocalDescription;
  #pingUs = 0;
  #signal: SignalSocket | null = null;
  #publisher: Publisher | null = null;
  #sections: SectionPlan[] = [];
  /** An offer of ours is under way. */
  #isOffering = false;
  #mustOffer = false;
  #hasDownLink = false;
  #mayPublish = false;

  constructor(index: number, tools: ParticipantTools) {
    this.index = index;
    this.#tools = tools;
    this.#up = this.#local();
    this.#down = this.#local();
  }

  join(token: string): void {
    const { url, mode, clock } = this.#tools;
    this.startedUs = clock();
    const target = { url, token, mode };
    this.#signal = new SignalSocket(target, {
      onMessage: (message) => this.#onMessage(message),
      onClosed: (reason) => this.#fail(`signal connection closed: ${reason}`),
    });
  }

  tick(nowUs: number): void {
    for (const link of this.#links) link.tick(nowUs);
    if (this.#mayPublish) this.#publisher?.tick(nowUs);
    if (nowUs < this.#pingUs) return;
    this.#pingUs = nowUs + PING_US;
    this.#signal?.send({ case: "pingReq", value: new Ping({ timestamp: BigInt(Math.round(nowUs / 1000)) }) });
  }

  leave(): void {
    this.failure ||= "left";
    for (const link of this.#links) link.close();
    this.#signal?.close();
  }

  #onMessage(message: SignalResponse["message"]): void {
    switch (message.case) {
      case "join":
        return this.#publish();
      case "answer":
        return this.#onAnswer(message.value.sdp);
      case "offer":
        return this.#onOffer(message.value);
      case "mediaSectionsRequirement": {
        const { numAudios, numVideos } = message.value;
        this.#addSections(numAudios, numVideos);
        return this.#offer();
      }
      case "leave":
        return this.#fail(`sent away: ${message.value.reason}`);
      default:
        return;
    }
  }

  #publish(): void {
    for (const [type, source] of [
      [TrackType.AUDIO, TrackSource.MICROPHONE],
      [TrackType.VIDEO, TrackSource.CAMERA],
    ] as const) {
      const value = new AddTrackRequest({ cid: String(type), type, source, disableRed: true });
      this.#signal?.send({ case: "addTrack", value });
    }
    const up = { direction: "sendonly", feedback: false } as const;
    this.#sections = [
      { ...up, kind: "audio", mid: AUDIO_MID, simulcast: false },
      { ...up, kind: "video", mid: VIDEO_MID, simulcast: true },
    ];
    if (this.#tools.mode === "single") this.#addSections(FIRST_SECTIONS, FIRST_SECTIONS);
    this.#offer();
  }

  #addSections(audios: number, videos: number): void {
    const down = { direction: "recvonly", simulcast: false, feedback: false } as const;
    for (const [kind, count] of [
      ["audio", audios],
      ["video", videos],
    ] as const) {
      for (let i = 0; i < count; i++)
        this.#sections.push({ ...down, kind, mid: String(this.#sections.length) });
    }
  }

  #offer(): void {
    this.#mustOffer = this.#isOffering;
    if (this.#isOffering) return;
    this.#isOffering = true;
    const value = new SessionDescription({
      type: "offer",
      sdp: writeOffer(this.#up, this.#sections, "VP8"),
      id: this.negotiations + 1,
    });
    this.#signal?.send({ case: "offer", value });
  }

  #onAnswer(sdp: string): void {
    this.#count(sdp);
    this.#isOffering = false;
    if (this.#publisher === null) this.#openUp(sdp);
    if (this.#mustOffer) this.#offer();
  }

  #onOffer({ sdp, id }: SessionDescription): void {
    this.#count(sdp);
    const parsed = parseDescription(sdp);
    if (!parsed.ok) return this.#fail(`offer: ${parsed.error}`);
    const answer = writeAnswer(parsed.description, this.#down);
    const value = new SessionDescription({ type: "answer", sdp: answer, id });
    this.#signal?.send({ case: "answer", value });
    if (this.#hasDownLink) return;
    this.#hasDownLink = true;
    this.#open(sdp, this.#down.ice, () => {});
  }

  #openUp(sdp: string): void {
    const link = this.#open(sdp, this.#up.ice, (nowUs) => {
      this.#publisher?.start(nowUs);
      this.#mayPublish = true;
    });
    this.#publisher = new Publisher({
      link,
      publisher: this.index,
      video: "simulcast",
      audio: true,
      bitratesBps: BITRATES_BPS,
      framesPerSecond: FRAMES_PER_SECOND,
      meter: this.#tools.meter,
      clock: this.#tools.clock,
    });
  }

  #open(sdp: string, localIce: IceCredentials, onSecure: (nowUs: number) => void): MediaLink {
    const { certificate, ciphers, clock, url } = this.#tools;
    const { ice: remoteIce, address, port } = readAnswer(sdp, new URL(url).hostname);
    const link = new MediaLink(
      { address, port, localIce, remoteIce, certificate, profiles: PROFILES, ciphers, clock },
      {
        onSecure,
        onRtp: (bytes, length, header, nowUs) => this.#onRtp(bytes, length, header, nowUs),
        onRtcp: (bytes, length, nowUs) => this.#publisher?.receiveRtcp(bytes, length, nowUs),
        onFailed: (reason, detail) => this.#fail(`${reason}: ${detail}`),
      },
    );
    this.#links.push(link);
    return link;
  }

  #onRtp(bytes: Uint8Array, length: number, header: RtpHeader, nowUs: number): void {
    if (!readStamp(bytes, length, stamp)) return;
    const isAudio = header.payloadType === PAYLOAD_TYPE.opus;
    const first = isAudio ? this.heard : this.seen;
    // The server begins with a key frame; its last packet has the marker.
    if ((isAudio || header.marker) && !first.has(stamp.publisher)) {
      first.set(stamp.publisher, nowUs);
    }
  }

  #count(sdp: string): void {
    this.negotiations += 1;
    this.negotiatedBytes += sdp.length;
  }

  #fail(reason: string): void {
    this.failure ||= reason;
  }

  #local(): LocalDescription {
    const random = (bytes: number): string => randomBytes(bytes).toString("base64").replaceAll("=", "");
    const ice = { ufrag: random(6), pwd: random(24) };
    return { ice, fingerprint: this.#tools.certificate.fingerprint };
  }
}

/** The profile that browsers and this server negotiate. */
const PROFILES = [SRTP_AEAD_AES_128_GCM] as const;
