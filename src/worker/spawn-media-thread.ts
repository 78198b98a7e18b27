/** Starts a media thread from main and speaks to it: the handle that control posts commands to. */
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
  post(command: MediaCommand): void;
  connectDtls(port: MessagePort): void;
  connectPipe(connection: PipeConnection): void;
  onEvent(listener: (event: MediaEvent) => void): void;
  /** `error` when it died of one. */
  onExit(listener: (error: Error | undefined) => void): void;
  /** It hangs: ends it, whatever it does. */
  kill(): void;
  /** Resolves when it has ended, by itself or, when it hangs, by force. */
  stop(): Promise<void>;
}

/**
 * How long a thread that is told to end may take; it waits for farewells itself. Larger: one that hangs holds up the end of the
 * server. Smaller: a busy one is cut off before its peers have been told.
 */
const STOP_LIMIT_MS = 3_000;

/**
 * Resolves when the thread listens; rejects when it can not (port taken, no such address), and when it has ended after `givenUp`
 * was aborted before.
 */
export async function spawnMediaThread(
  settings: MediaThreadSettings,
  givenUp?: AbortSignal,
): Promise<MediaThread> {
  const worker = new Worker(new URL("./media-thread.ts", import.meta.url), { workerData: settings });
  const kill = (): void => void worker.terminate();
  givenUp?.addEventListener("abort", kill);
  const listeners: ((event: MediaEvent) => void)[] = [];
  /** Not the worker's own: with many threads and pipes there are more than Node believes in. */
  const exitListeners: ((error: Error | undefined) => void)[] = [];
  let failure: Error | undefined;

  const port = await new Promise<number>((resolve, reject) => {
    worker.on("error", (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
      reject(failure);
    });
    worker.once("exit", () => reject(new Error("media thread ended before it listened")));
    worker.on("message", (message: FromMediaThread) => {
      if (message.kind === "listening") resolve(message.port);
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
