/**
 * Runs in the browser: one client of LiveKit's web SDK, as an application would write it. Tests drive `window.call`.
 */
import type * as LiveKit from "livekit-client";
import { cutSockets, movingPicture, plugInSecondCamera, SECOND_CAMERA, takeOnlyVp8 } from "./page-media.ts";
import { type RoomReport, reportOf } from "./page-report.ts";

declare global {
  interface Window {
    readonly LivekitClient: typeof LiveKit;
    call: Call;
  }
}

export interface JoinOptions {
  readonly url: string;
  readonly token: string;
  /** One PeerConnection (v1) or two (v0). */
  readonly single?: boolean;
  /** End-to-end encryption with this passphrase. */
  readonly passphrase?: string;
  readonly adaptiveStream?: boolean;
  readonly dynacast?: boolean;
  readonly autoSubscribe?: boolean;
  readonly codec?: "vp8" | "vp9" | "h264";
  /** `livekit.BackupCodecPolicy`. */
  readonly backupCodecPolicy?: number;
  /** Its decoder takes no video but VP8. */
  readonly takesOnlyVp8?: boolean;
  /** Through TURN servers alone. */
  readonly relayed?: boolean;
  /** The camera's picture is 720 lines high instead of 360, which take a quarter of the time to encode. */
  readonly large?: boolean;
}

/** A part of LiveKit's own test of a connection. */
export type CheckName =
  | "checkWebsocket"
  | "checkWebRTC"
  | "checkTURN"
  | "checkReconnect"
  | "checkPublishAudio"
  | "checkPublishVideo"
  | "checkConnectionProtocol";

export interface CheckReport {
  readonly status: string;
  readonly logs: readonly string[];
}

export interface CallReport extends RoomReport {
  /** Names of the room's events, in order. */
  readonly events: readonly string[];
  /** When each of them was, in ms since the page was opened: `1204 connected`. */
  readonly timeline: readonly string[];
  readonly heard: readonly string[];
  /** Identities that were ever among the active speakers. */
  readonly spoke: readonly string[];
  /** Why the call was over, `ROOM_DELETED`; empty while it is not. */
  readonly ended: string;
}

class Call {
  room!: LiveKit.Room;
  readonly events: string[] = [];
  readonly timeline: string[] = [];
  /** Texts that came as data packets, with who sent them, and whole text streams. */
  readonly heard: string[] = [];
  readonly #elements = new Map<string, HTMLMediaElement>();
  readonly #spoke = new Set<string>();
  #ended = "";

  async join(options: JoinOptions): Promise<void> {
    const { ExternalE2EEKeyProvider, Room, VideoPresets } = window.LivekitClient;
    const { url, token, passphrase, single = true, autoSubscribe = true } = options;
    const keyProvider = new ExternalE2EEKeyProvider();
    const worker = (): Worker => new Worker("/livekit-client.e2ee.worker.js");
    if (options.takesOnlyVp8) takeOnlyVp8();
    this.room = new Room({
      singlePeerConnection: single,
      adaptiveStream: options.adaptiveStream ?? false,
      dynacast: options.dynacast ?? false,
      videoCaptureDefaults: { resolution: VideoPresets[options.large === true ? "h720" : "h360"].resolution },
      publishDefaults: {
        videoCodec: options.codec ?? "vp8",
        ...(options.backupCodecPolicy !== undefined && { backupCodecPolicy: options.backupCodecPolicy }),
      },
      ...(passphrase !== undefined && { encryption: { keyProvider, worker: worker() } }),
    });
    this.#listen();
    if (passphrase !== undefined) {
      await keyProvider.setKey(passphrase);
      await this.room.setE2EEEnabled(true);
    }
    const rtcConfig: RTCConfiguration = options.relayed === true ? { iceTransportPolicy: "relay" } : {};
    await this.room.connect(url, token, { autoSubscribe, rtcConfig });
  }

  /** Kinds of the local candidates by which the page sends, `relay udp` or `host tcp`, one for each connection. */
  async paths(): Promise<string[]> {
    const { publisher, subscriber } = this.room.engine.pcManager!;
    const paths: string[] = [];
    for (const connection of [publisher, subscriber]) {
      const stats = await connection?.getStats();
      stats?.forEach((entry) => {
        if (entry.type !== "transport" || entry.selectedCandidatePairId === undefined) return;
        const pair = stats.get(entry.selectedCandidatePairId);
        const { candidateType, protocol } = stats.get(pair.localCandidateId);
        paths.push(`${candidateType} ${protocol}`);
      });
    }
    return paths;
  }

  /** Each check makes a room of its own. */
  async check(name: CheckName, { url, token }: Pick<JoinOptions, "url" | "token">): Promise<CheckReport> {
    const { CheckStatus, ConnectionCheck } = window.LivekitClient;
    const { status, logs } = await new ConnectionCheck(url, token)[name]();
    return { status: CheckStatus[status]!, logs: logs.map(({ level, message }) => `${level}: ${message}`) };
  }

  async report(): Promise<CallReport> {
    return {
      ...(await reportOf(this.room)),
      events: this.events,
      timeline: this.timeline,
      heard: this.heard,
      spoke: [...this.#spoke],
      ended: this.#ended,
    };
  }

  remote(identity: string, source: string): LiveKit.RemoteTrackPublication {
    const publications = [...this.room.remoteParticipants.get(identity)!.trackPublications.values()];
    return publications.find((one) => one.source === source) as LiveKit.RemoteTrackPublication;
  }

  /** A moving picture that says it is a screen, for no headless browser has one to share. */
  async publishScreen(): Promise<void> {
    const { Track } = window.LivekitClient;
    await this.room.localParticipant.publishTrack(movingPicture(640, 360), {
      source: Track.Source.ScreenShare,
    });
  }

  /** Ends what is published, and publishes camera and microphone anew. */
  async republish(): Promise<void> {
    const { localParticipant } = this.room;
    for (const { track } of [...localParticipant.trackPublications.values()]) {
      await localParticipant.unpublishTrack(track!);
    }
    await localParticipant.enableCameraAndMicrophone();
  }

  /** From now on the second camera is filmed with. */
  async switchCamera(): Promise<void> {
    const { room } = this;
    if (!(await room.switchActiveDevice("videoinput", SECOND_CAMERA)))
      throw new Error("still the first camera");
  }

  /** Bytes of all values, one after the other. */
  async sendFile(size: number): Promise<void> {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 256);
    const writer = await this.room.localParticipant.streamBytes({
      name: "f",
      topic: "file",
      totalSize: size,
    });
    await writer.write(bytes);
    await writer.close();
  }

  /** Cuts the signal connection. */
  cut(): void {
    cutSockets();
  }

  /** Shows a remote video at this size; adaptive streams follow it. */
  resize(sid: string, width: number, height: number): void {
    const element = this.#elements.get(sid)!;
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
  }

  async #follow(track: LiveKit.RemoteDataTrack): Promise<void> {
    for await (const { payload } of track.subscribe() as unknown as AsyncIterable<LiveKit.DataTrackFrame>) {
      this.heard.push(`${track.info.name}: ${new TextDecoder().decode(payload)}`);
    }
  }

  #listen(): void {
    const { RoomEvent } = window.LivekitClient;
    this.room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
      this.heard.push(`${participant?.identity} ${topic}: ${new TextDecoder().decode(payload)}`);
    });
    this.room.registerTextStreamHandler("long", async (reader, { identity }) => {
      const text = await reader.readAll();
      this.heard.push(`${identity} long: ${text.length} ${new Set(text).size}`);
    });
    this.room.registerByteStreamHandler("file", async (reader, { identity }) => {
      let [size, sum] = [0, 0];
      for (const chunk of (await reader.readAll()) ?? []) {
        size += chunk.length;
        for (const byte of chunk) sum += byte;
      }
      this.heard.push(`${identity} file: ${size} ${sum}`);
    });
    this.room.on(RoomEvent.ActiveSpeakersChanged, (speakers) => {
      for (const { identity } of speakers) this.#spoke.add(identity);
    });
    this.room.on(RoomEvent.Disconnected, (reason) => {
      this.#ended = window.LivekitClient.DisconnectReason[reason ?? 0] ?? "";
    });
    this.room.on(RoomEvent.DataTrackPublished, (track) => void this.#follow(track));
    this.room.registerRpcMethod(
      "echo",
      async ({ payload, callerIdentity }) => `${callerIdentity} ${payload}`,
    );
    for (const name of Object.values(RoomEvent)) {
      this.room.on(name, () => {
        this.events.push(name);
        this.timeline.push(`${Math.round(performance.now())} ${name}`);
      });
    }
    this.room.on(RoomEvent.TrackSubscribed, (track, publication) => {
      const element = track.attach();
      element.style.width = "1280px";
      element.style.height = "720px";
      document.body.append(element);
      this.#elements.set(publication.trackSid, element);
    });
    this.room.on(RoomEvent.TrackUnsubscribed, (track, publication) => {
      for (const element of track.detach()) element.remove();
      this.#elements.delete(publication.trackSid);
    });
  }
}

plugInSecondCamera();
window.call = new Call();
