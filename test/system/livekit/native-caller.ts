/** LiveKit's Rust core by way of `@livekit/rtc-node`: a client without a browser that publishes a tone and a picture. */
import { setTimeout as delay } from "node:timers/promises";
import {
  AudioFrame,
  AudioSource,
  AudioStream,
  LocalAudioTrack,
  LocalVideoTrack,
  type RemoteTrack,
  Room,
  RoomEvent,
  TrackKind,
  TrackPublishOptions,
  TrackSource,
  VideoBufferType,
  VideoFrame,
  VideoSource,
  VideoStream,
} from "@livekit/rtc-node";
import type { TestServer } from "../support/server.ts";

const SAMPLE_RATE = 48_000;
const FRAME_SAMPLES = SAMPLE_RATE / 100;
const WIDTH = 640;
const HEIGHT = 360;
const VIDEO_INTERVAL_MS = 66;

export class NativeCaller {
  readonly room = new Room();
  /** Decoded, by kind. */
  readonly received = { frames: 0, loudSamples: 0 };
  /** Files that came: who sent them, how many bytes, and the sum of these. */
  readonly files: string[] = [];
  readonly #stop = new AbortController();

  static async join(
    server: Pick<TestServer, "url" | "token">,
    room: string,
    name: string,
    passphrase?: string,
  ): Promise<NativeCaller> {
    const caller = new NativeCaller();
    caller.room.on(RoomEvent.TrackSubscribed, (track) => void caller.#receive(track));
    caller.room.registerByteStreamHandler("file", async (reader, { identity }) => {
      caller.files.push(`${identity} file: ${sizeAndSum(await reader.readAll())}`);
    });
    await caller.room.connect(server.url.replace("http", "ws"), await server.token(room, name), {
      autoSubscribe: true,
      dynacast: false,
      ...(passphrase !== undefined && {
        encryption: {
          keyProviderOptions: {
            sharedKey: new TextEncoder().encode(passphrase),
            ratchetSalt: new TextEncoder().encode("LKFrameEncryptionKey"),
            ratchetWindowSize: 0,
            failureTolerance: 10,
          },
        },
      }),
    });
    caller.room.localParticipant!.registerRpcMethod(
      "echo",
      async ({ payload, callerIdentity }) => `${callerIdentity} ${payload}`,
    );
    return caller;
  }

  async sendFile(bytes: Uint8Array): Promise<void> {
    const writer = await this.room.localParticipant!.streamBytes({ topic: "file", totalSize: bytes.length });
    await writer.write(bytes);
    await writer.close();
  }

  /** Ends what it publishes. */
  async unpublish(): Promise<void> {
    const { localParticipant } = this.room;
    for (const sid of [...localParticipant!.trackPublications.keys()]) {
      await localParticipant!.unpublishTrack(sid, true);
    }
  }

  async publish(): Promise<void> {
    const { localParticipant } = this.room;
    const audio = new AudioSource(SAMPLE_RATE, 1);
    const video = new VideoSource(WIDTH, HEIGHT);
    await localParticipant!.publishTrack(
      LocalAudioTrack.createAudioTrack("tone", audio),
      new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }),
    );
    await localParticipant!.publishTrack(
      LocalVideoTrack.createVideoTrack("grey", video),
      new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA }),
    );
    void this.#sendTone(audio);
    void this.#sendPictures(video);
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.room.disconnect();
  }

  async #sendTone(source: AudioSource): Promise<void> {
    const samples = new Int16Array(FRAME_SAMPLES);
    for (let at = 0; !this.#stop.signal.aborted; at += FRAME_SAMPLES) {
      for (let n = 0; n < FRAME_SAMPLES; n++) {
        samples[n] = 8_000 * Math.sin((2 * Math.PI * 440 * (at + n)) / SAMPLE_RATE);
      }
      await source.captureFrame(new AudioFrame(samples, SAMPLE_RATE, 1, FRAME_SAMPLES));
    }
  }

  async #sendPictures(source: VideoSource): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const pixels = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(n % 256);
      source.captureFrame(new VideoFrame(pixels, WIDTH, HEIGHT, VideoBufferType.I420));
      await delay(VIDEO_INTERVAL_MS);
    }
  }

  async #receive(track: RemoteTrack): Promise<void> {
    if (track.kind === TrackKind.KIND_VIDEO) {
      for await (const _ of new VideoStream(track)) this.received.frames += 1;
      return;
    }
    for await (const frame of new AudioStream(track)) {
      if (frame.data.some((sample) => Math.abs(sample) > 1_000)) this.received.loudSamples += 1;
    }
  }
}

function sizeAndSum(chunks: readonly Uint8Array[]): string {
  let [size, sum] = [0, 0];
  for (const chunk of chunks) {
    size += chunk.length;
    for (const byte of chunk) sum += byte;
  }
  return `${size} ${sum}`;
}
