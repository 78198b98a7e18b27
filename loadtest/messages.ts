/** Messages between the command and its generator processes: plain data over the IPC channel of `fork`. */
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
  /** Samples cover whole seconds from this time of CLOCK_MONOTONIC on. */
  | { readonly kind: "measure"; readonly startUs: number }
  /** Publishers stop. */
  | { readonly kind: "quiet" }
  /** Report, leave, end. */
  | { readonly kind: "finish" };

/** Number of clients by state. */
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
  /** Cores that the process used during the measurement: 1 is the most that its one thread can use. */
  readonly cpuCores: number;
  /** How late its timer ticked during the measurement: adds to measured delays, and shows overload. */
  readonly latenessBuckets: Float64Array;
  /** Datagrams dropped by its full sockets, which are losses of its own. Null where the system does not report it. */
  readonly socketDrops: number | null;
}
