/** What the command and its generator processes tell one another: plain data over the IPC channel of `fork`. */
import type { ClientReport, ClientSettings, ClientSpec } from "./client/load-client.ts";
import type { Credentials } from "./client/signalling.ts";
import type { Sample } from "./measure/meter.ts";

export type ToGenerator =
  | {
      readonly kind: "join";
      readonly url: string;
      readonly credentials: Credentials;
      readonly settings: ClientSettings;
      readonly clients: readonly ClientSpec[];
    }
  /** Samples are of whole seconds from this moment of CLOCK_MONOTONIC on. */
  | { readonly kind: "measure"; readonly startUs: number }
  /** Publishers stop. */
  | { readonly kind: "quiet" }
  /** Report, leave, end. */
  | { readonly kind: "finish" };

/** How many clients are in which state. */
export interface Progress {
  readonly joined: number;
  readonly failed: number;
}

export type FromGenerator =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "second"; readonly second: number; readonly sample: Sample }
  | { readonly kind: "report"; readonly report: GeneratorReport };

export interface GeneratorReport {
  readonly clients: readonly ClientReport[];
  /** Cores that the process used while it measured: 1 is all that its one thread can do. */
  readonly cpuCores: number;
  /** How late its clock ticked while it measured: what it adds to delays, and when it has too much to do. */
  readonly latenessBuckets: Float64Array;
  /** Datagrams that its full sockets did not take: losses that are its own. Null where the system does not tell. */
  readonly socketDrops: number | null;
}
