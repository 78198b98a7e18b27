/** The page's side of the worker: attaches transforms and passes on the worker's reports of each stream. */
import type { CodecName } from "../../base/codec.ts";
import type { StreamReport, TransformMode, TransformOptions } from "./e2ee-messages.ts";
import type { StreamName } from "./room-keys.ts";

export class FrameSealing {
  readonly #worker = new Worker(new URL("./e2ee-worker.js", import.meta.url), { type: "module" });
  readonly #roomKey: CryptoKey;
  readonly #listeners = new Map<string, (report: StreamReport) => void>();

  static get isSupported(): boolean {
    return "RTCRtpScriptTransform" in globalThis;
  }

  constructor(roomKey: CryptoKey) {
    this.#roomKey = roomKey;
    this.#worker.onmessage = ({ data }: MessageEvent<StreamReport[]>) => {
      for (const report of data) this.#listeners.get(report.streamId)?.(report);
    };
  }

  /**
   * From now on every frame of `end` goes through the worker. To be called before the first frame can flow. Returns
   * the function that ends the reports; the transform ends with its connection.
   */
  attach(
    end: RTCRtpSender | RTCRtpReceiver,
    mode: TransformMode,
    stream: StreamName,
    codec: CodecName | null,
    onReport: (report: StreamReport) => void,
  ): () => void {
    const streamId = crypto.randomUUID();
    const options: TransformOptions = { streamId, mode, stream, codec, roomKey: this.#roomKey };
    end.transform = new RTCRtpScriptTransform(this.#worker, options);
    this.#listeners.set(streamId, onReport);
    return () => this.#listeners.delete(streamId);
  }

  end(): void {
    this.#worker.terminate();
  }
}
