/** Starts the DTLS thread from main, and exchanges messages with it. */
import { Worker } from "node:worker_threads";
import type { DataBatch, DataCommand } from "../contract/data.ts";
import type { DtlsThreadCommand, DtlsThreadEvent, SrtpProfile } from "../contract/dtls.ts";
import type { DtlsCertificate } from "./dtls-certificate.ts";
import type { DtlsThreadSettings, FromDtlsThread } from "./dtls-thread-messages.ts";

export interface DtlsThread {
  /** The certificate that all its associations present. */
  readonly certificate: DtlsCertificate;
  /** Hands over one end of a media thread's message channel. */
  connect(port: MessagePort): void;
  /** The batch's bytes are transferred. */
  postData(batch: DataBatch<DataCommand>): void;
  onEvent(listener: (event: DtlsThreadEvent) => void): void;
  /** `error`: the uncaught exception that ended it, if there was one. */
  onExit(listener: (error: Error | undefined) => void): void;
  /** Terminates a thread that hangs. */
  kill(): void;
  close(): Promise<void>;
}

export interface DtlsThreadOptions {
  /** For whoever offers several, the first is chosen. */
  readonly srtpProfiles: readonly SrtpProfile[];
  /**
   * The certificate of the thread that this one replaces: its fingerprint has been signalled to peers. Main keeps it but
   * cannot make it, because werift, which does, is loaded in the DTLS thread alone.
   */
  readonly certificate?: DtlsCertificate | undefined;
  /** A promise of werift's was rejected and nobody handled it: to be logged. */
  readonly onStrayRejection?: (message: string) => void;
}

/**
 * Resolves when the thread is warmed up and ready for handshakes. Rejects when it cannot start, and when `givenUp` was
 * aborted before that and the thread has ended.
 */
export async function spawnDtlsThread(
  options: DtlsThreadOptions,
  givenUp?: AbortSignal,
): Promise<DtlsThread> {
  const { certificate: former, srtpProfiles } = options;
  const settings: DtlsThreadSettings = { certificate: former, srtpProfiles };
  const worker = new Worker(new URL("./dtls-thread.ts", import.meta.url), { workerData: settings });
  const kill = (): void => void worker.terminate();
  givenUp?.addEventListener("abort", kill);
  const listeners: ((event: DtlsThreadEvent) => void)[] = [];
  let failure: Error | undefined;

  const certificate = await new Promise<DtlsCertificate>((resolve, reject) => {
    worker.on("error", (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
      reject(failure);
    });
    worker.once("exit", () => reject(new Error("DTLS thread ended before it was ready")));
    worker.on("message", (message: FromDtlsThread) => {
      if (message.kind === "ready") resolve(message.certificate);
      else if (message.kind === "stray-rejection") options.onStrayRejection?.(message.message);
      else for (const listener of listeners) listener(message);
    });
  }).finally(() => givenUp?.removeEventListener("abort", kill));

  return {
    certificate,
    connect: (port) => {
      const command: DtlsThreadCommand = { kind: "connect", port };
      worker.postMessage(command, [port] as never);
    },
    postData: (batch) => {
      const command: DtlsThreadCommand = { kind: "data", ...batch };
      worker.postMessage(command, [batch.bytes.buffer]);
    },
    onEvent: (listener) => listeners.push(listener),
    onExit: (listener) => worker.once("exit", () => listener(failure)),
    kill,
    close: async () => {
      await worker.terminate();
    },
  };
}
