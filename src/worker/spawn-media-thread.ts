/** Starts a media thread from the main thread; the handle to which control posts commands. */
import { Worker } from "node:worker_threads";
import type { MediaCommand, MediaEvent } from "../contract/media.ts";
import type {
  FromMediaThread,
  MediaThreadSettings,
  PipeConnection,
  ToMediaThread,
} from "../contract/media-thread.ts";

export interface MediaThread {
  readonly index: number;
  /** The port it listens on. */
  readonly port: number;
  /** Its nice value. */
  readonly nice: number;
  post(command: MediaCommand): void;
  connectDtls(port: MessagePort): void;
  connectPipe(connection: PipeConnection): void;
  onEvent(listener: (event: MediaEvent) => void): void;
  /** `error` when it died of one. */
  onExit(listener: (error: Error | undefined) => void): void;
  /** Ends it by force, when it hangs. */
  kill(): void;
  /** Ends it, by force if it hangs; resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * How long a thread may take to end; it waits for farewells itself. Larger: a hung one delays the server's shutdown.
 * Smaller: a busy one is killed before its peers have been told.
 */
const STOP_LIMIT_MS = 3_000;

/**
 * Resolves when the thread listens; rejects when it cannot (port in use, no such address), or when it has ended because
 * `givenUp` was aborted before.
 */
export async function spawnMediaThread(
  settings: MediaThreadSettings,
  givenUp?: AbortSignal,
): Promise<MediaThread> {
  const worker = new Worker(new URL("./media-thread.ts", import.meta.url), { workerData: settings });
  const kill = (): void => void worker.terminate();
  givenUp?.addEventListener("abort", kill);
  const listeners: ((event: MediaEvent) => void)[] = [];
  /** Not listeners of the worker itself: with many threads and pipes Node would warn of a leak. */
  const exitListeners: ((error: Error | undefined) => void)[] = [];
  let failure: Error | undefined;

  const { port, nice } = await new Promise<{ port: number; nice: number }>((resolve, reject) => {
    worker.on("error", (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
      reject(failure);
    });
    worker.once("exit", () => reject(new Error("media thread ended before it listened")));
    worker.on("message", (message: FromMediaThread) => {
      if (message.kind === "listening") resolve(message);
      else for (const event of message.events) for (const listener of listeners) listener(event);
    });
  }).finally(() => givenUp?.removeEventListener("abort", kill));

  worker.once("exit", () => {
    for (const listener of exitListeners) listener(failure);
  });
  const send = (message: ToMediaThread, transfer: MessagePort[] = []): void =>
    worker.postMessage(message, transfer as never);
  return {
    index: settings.index,
    port,
    nice,
    post: (command) => send(command),
    connectDtls: (dtlsPort) => send({ kind: "dtls.connect", port: dtlsPort }, [dtlsPort]),
    connectPipe: (connection) => send({ kind: "pipe.connect", ...connection }, [connection.port]),
    onEvent: (listener) => listeners.push(listener),
    onExit: (listener) => exitListeners.push(listener),
    kill,
    stop: () =>
      new Promise((resolve) => {
        const deadline = setTimeout(kill, STOP_LIMIT_MS);
        exitListeners.push(() => {
          clearTimeout(deadline);
          resolve();
        });
        send({ kind: "thread.stop" });
      }),
  };
}
