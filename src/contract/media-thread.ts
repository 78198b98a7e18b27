/** Messages between main and a media thread: settings and plumbing around the commands and events of `media.ts`. */
import type { MediaCommand, MediaEvent } from "./media.ts";

/** `workerData` of a media thread. */
export interface MediaThreadSettings {
  readonly index: number;
  /** Address and port to listen on; port 0 takes any. */
  readonly address: string;
  readonly port: number;
  /** Whether to accept ICE-TCP (RFC 6544) on the same port. */
  readonly tcp: boolean;
  readonly socketBufferBytes: number;
  /** How long an idle thread waits for the rest of a frame, microseconds (ARCHITECTURE §4). */
  readonly gatherUs: number;
  /** Wanted nice value of the thread (`worker/thread-nice.ts`). */
  readonly nice: number;
  /** Which implementations of socket and cipher it uses (ARCHITECTURE §4). */
  readonly tier: "native" | "portable";
  /** Slots of `base/counters.ts`; the thread writes, main reads. */
  readonly counters: Float64Array<SharedArrayBuffer>;
}

/** One end of a pipe between two media threads: both get the same memory, and each an end of a MessageChannel. */
export interface PipeConnection {
  /** The other thread. */
  readonly thread: number;
  readonly direction: "out" | "in";
  /** See `base/packet-pipe.ts`. */
  readonly memory: SharedArrayBuffer;
  /** For the writer to wake the reader; transferred. */
  readonly port: MessagePort;
}

export type ToMediaThread =
  | MediaCommand
  | ({ readonly kind: "pipe.connect" } & PipeConnection)
  /** The port to the DTLS thread, transferred. Sent again when that thread is replaced. */
  | { readonly kind: "dtls.connect"; readonly port: MessagePort }
  /** Close socket and timers, then end. */
  | { readonly kind: "thread.stop" };

export type FromMediaThread =
  /** `nice`: the value that the thread has. */
  | { readonly kind: "listening"; readonly port: number; readonly nice: number }
  | { readonly kind: "events"; readonly events: readonly MediaEvent[] };
