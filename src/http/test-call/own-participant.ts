/**
 * The local participant: camera and microphone, the WHIP session that publishes them encrypted, and their tile. Without
 * either, a session that carries nothing: who only watches is in the room too, even where there is nobody to watch.
 */
import type { MediaKind, VideoCodec } from "../../base/codec.ts";
import type { HeaderFacts } from "./ciphertext-view.ts";
import type { FrameCounts, StreamReport } from "./e2ee-messages.ts";
import { encryptionMark } from "./encryption-mark.ts";
import type { FrameSealing } from "./frame-sealing.ts";
import { MediaSession } from "./media-session.ts";
import { showBanner } from "./page-elements.ts";
import { addVideo, sendUpTo } from "./publishing.ts";
import { NO_STATISTICS, StatisticsReader } from "./received-statistics.ts";
import type { ServerApi, Track } from "./server-api.ts";
import { Tile, type TileReport, type Voice } from "./tile.ts";

export interface PublishOptions {
  readonly codec: VideoCodec;
  /** False only by `?sealed=0`: to see how the page marks media that the server could read. */
  readonly sealed: boolean;
}

/** By RID of `addVideo`, as named in the layer choice. */
const ENCODING_NAMES: Readonly<Record<string, string>> = { q: "low", h: "medium", f: "high" };

const DEVICES: Readonly<Record<MediaKind, string>> = { video: "camera", audio: "microphone" };

export class OwnParticipant {
  readonly identity: string;
  readonly #tile: Tile;
  readonly #api: ServerApi;
  readonly #sealing: FrameSealing;
  readonly #media: MediaStream;
  readonly #options: PublishOptions;
  readonly #counts = new Map<MediaKind, FrameCounts>();
  #session: MediaSession | undefined;
  #videoSender: RTCRtpSender | undefined;
  #statistics: StatisticsReader | undefined;
  #measured = NO_STATISTICS;
  #detachers: (() => void)[] = [];
  #isOpening = false;

  /** `media`: with a video track, an audio track, both, or none, to only watch. */
  constructor(
    identity: string,
    api: ServerApi,
    sealing: FrameSealing,
    media: MediaStream,
    options: PublishOptions,
  ) {
    this.identity = identity;
    this.#api = api;
    this.#sealing = sealing;
    this.#media = media;
    this.#options = options;
    this.#tile = new Tile(identity, true);
    this.#tile.play(media);
    for (const track of media.getTracks()) {
      track.addEventListener("ended", () => {
        // Published again, without it, with the next poll: others would be left with its last picture.
        media.removeTrack(track);
        void this.#stop();
      });
    }
  }

  /** Enters the room, or enters it again when the connection has ended. Throws `ApiError`. */
  async keepPresent(): Promise<void> {
    const isRunning = this.#session !== undefined && !this.#session.isOver;
    if (this.#isOpening || isRunning) return;
    this.#isOpening = true;
    try {
      await this.#stop();
      await (this.#media.getTracks().length > 0 ? this.#publish() : this.#attend());
    } finally {
      this.#isOpening = false;
    }
  }

  /** Whether the server has ended its session. */
  get wasEnded(): boolean {
    return this.#session?.wasEnded === true;
  }

  /** Applies the room's state of its own tracks: encodes no more than somebody wants. */
  async follow(tracks: readonly Track[]): Promise<void> {
    const muted = tracks.filter((track) => track.muted).map(({ kind }) => DEVICES[kind]);
    showBanner("muted", muted.length > 0 ? `The host has muted your ${muted.join(" and ")}.` : null);
    const video = tracks.find((track) => track.kind === "video");
    if (this.#videoSender === undefined || video === undefined || this.#session?.isOver === true) return;
    await sendUpTo(this.#videoSender, video.wantedSpatial);
  }

  setEnabled(kind: MediaKind, enabled: boolean): void {
    for (const track of this.#media.getTracks()) if (track.kind === kind) track.enabled = enabled;
  }

  showVoice(voice: Voice): void {
    this.#tile.showVoice(voice);
  }

  async refresh(): Promise<TileReport> {
    const statistics = (await this.#statistics?.sent()) ?? NO_STATISTICS;
    this.#measured = statistics;
    const declared = this.#options.sealed ? "custom" : "none";
    const mark = encryptionMark(
      this.#media.getTracks().map(({ kind }) => ({ declared, counts: this.#counts.get(kind as MediaKind) })),
    );
    const [camera] = this.#media.getVideoTracks();
    this.#tile.showMark(mark);
    this.#tile.showPicture(
      camera?.enabled === true,
      this.#media.getTracks().length === 0 ? "Only watching" : "",
    );
    this.#tile.showStatistics(statistics, "");
    return {
      ...statistics,
      identity: this.identity,
      own: true,
      mark: mark.state,
      voice: this.#tile.voice,
      framesDecrypted: this.#sumOf("good"),
      framesDecryptFailed: this.#sumOf("failed"),
      layer: null,
      connectionState: this.#session?.connection.connectionState ?? "none",
    };
  }

  /** Leaves camera and microphone on. */
  async leave(): Promise<void> {
    this.#tile.remove();
    await this.#stop();
  }

  /** Watches itself: nothing comes of that. */
  async #attend(): Promise<void> {
    const connection = new RTCPeerConnection();
    connection.addTransceiver("audio", { direction: "recvonly" });
    const post = (offer: string) => this.#api.watch(this.identity, offer);
    this.#session = await MediaSession.open(connection, this.#api, post);
  }

  async #publish(): Promise<void> {
    const connection = new RTCPeerConnection();
    const [camera] = this.#media.getVideoTracks();
    const [microphone] = this.#media.getAudioTracks();
    if (microphone !== undefined) {
      this.#sealFramesOf(connection.addTransceiver(microphone, { direction: "sendonly" }).sender, "audio");
    }
    const video = camera && addVideo(connection, camera, this.#options.codec);
    if (video !== undefined) this.#sealFramesOf(video.sender, "video");
    const encryption = this.#options.sealed ? "custom" : "none";
    const post = (offer: string) => this.#api.publish(offer, encryption);
    this.#session = await MediaSession.open(connection, this.#api, post);
    this.#videoSender = video?.sender;
    this.#statistics = new StatisticsReader(connection);
  }

  #sealFramesOf(sender: RTCRtpSender, kind: MediaKind): void {
    const codec = kind === "audio" ? "opus" : this.#options.codec;
    const onReport = ({ counts, sighting }: StreamReport): void => {
      this.#counts.set(kind, counts);
      if (kind === "video" && sighting !== null) this.#tile.ciphertext.show(sighting, this.#headerFacts());
    };
    const mode = this.#options.sealed ? "seal" : "pass";
    const name = { identity: this.identity, kind };
    this.#detachers.push(this.#sealing.attach(sender, mode, name, codec, onReport));
  }

  /** The audio level is the one that the browser measures and writes into the header extension. */
  #headerFacts(): HeaderFacts {
    const { rid, audioLevel } = this.#measured;
    const hasMicrophone = this.#media.getAudioTracks().length > 0;
    return {
      codec: this.#options.codec,
      encoding: ENCODING_NAMES[rid] ?? null,
      audioLevel: hasMicrophone ? audioLevel : null,
    };
  }

  #sumOf(count: "good" | "failed"): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts[count], 0);
  }

  async #stop(): Promise<void> {
    for (const detach of this.#detachers) detach();
    this.#detachers = [];
    this.#counts.clear();
    const session = this.#session;
    this.#session = undefined;
    this.#videoSender = undefined;
    this.#statistics = undefined;
    await session?.close();
  }
}
