/** How main and a media thread begin and talk: on top of commands and events, what the thread needs to exist. */
import type { MediaCommand, MediaEvent } from "./media.ts";

/** `workerData` of a media thread. */
export interface MediaThreadSettings {
  readonly index: number;
  /** Address and port to listen on; port 0 takes any. */
  readonly address: string;
  readonly port: number;
  /** Whether to take ICE over TCP too, on the same port. */
  readonly tcp: boolean;
  readonly socketBufferBytes: number;
  /** How long a thread at rest waits for the datagrams that follow a first one, microseconds. */
  readonly gatherUs: number;
  /** Which bodies of socket and cipher it uses; see ARCHITECTURE §4. */
  readonly tier: "native" | "portable";
  /** Slots of `base/counters.ts`; the thread writes, main reads. */
  readonly counters: Float64Array<SharedArrayBuffer>;
}

/** One direction of a pipe between two media threads; both get the same memory, and each its end of a channel. */
export interface PipeConnection {
  /** The other thread. */
  readonly thread: number;
  readonly direction: "out" | "in";
  /** See `base/packet-pipe.ts`. */
  readonly memory: SharedArrayBuffer;
  /** On it the writer wakes the reader; transferred. */
  readonly port: MessagePort;
}

export type ToMediaThread =
  | MediaCommand
  | ({ readonly kind: "pipe.connect" } & PipeConnection)
  /** The letterbox to the DTLS thread, transferred. Sent again when that thread is replaced. */
  | { readonly kind: "dtls.connect"; readonly port: MessagePort }
  /** Close socket and timers, then end. */
  | { readonly kind: "thread.stop" };

export type FromMediaThread =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "events"; readonly events: readonly MediaEvent[] };
