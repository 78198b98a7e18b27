/** The thread under test: a media thread of the server, the floor or the naive way, each in a worker. */
import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { createSharedCounters, FORWARD_DELAY_BOUNDS_US, SLOT } from "../../src/base/counters.ts";
import type { FloorRun } from "./floor-thread.ts";
import type { Load } from "./load.ts";
import type { ProbeReading } from "./thread-probe.ts";

export class Subject {
  readonly worker: Worker;
  /** Used by a media thread only. */
  readonly counters = createSharedCounters();
  readonly #probe: MessagePort;

  constructor(file: "floor" | "media" | "naive", data: object) {
    const { port1, port2 } = new MessageChannel();
    this.#probe = port1;
    this.worker = new Worker(new URL(`./${file}-thread.ts`, import.meta.url), {
      workerData: { ...data, probe: port2, counters: this.counters },
      transferList: [port2],
    });
    this.worker.on("error", (error) => {
      throw error;
    });
  }

  async read(): Promise<ProbeReading> {
    this.#probe.postMessage(null);
    const [reading] = await once(this.#probe, "message");
    return reading as ProbeReading;
  }

  /** Copies that the media thread forwarded, and those of them within 2 ms of receiving the packet. */
  forwarded(): { readonly all: number; readonly prompt: number } {
    const bucket = (index: number): number => this.counters[SLOT.forwardDelay_0 + index]!;
    const buckets = FORWARD_DELAY_BOUNDS_US.map((_, index) => bucket(index));
    const last = FORWARD_DELAY_BOUNDS_US.indexOf(2_000);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    return { all: sum(buckets) + bucket(buckets.length), prompt: sum(buckets.slice(0, last + 1)) };
  }

  async end(): Promise<void> {
    this.#probe.close();
    await this.worker.terminate();
  }
}

export async function startFloor(load: Load, sinkPort: number): Promise<Subject> {
  const subject = new Subject("floor", { load, sinkPort });
  await once(subject.worker, "message");
  return subject;
}

/** Resolves with the bursts sent. */
export async function runFloor({ worker }: Subject, run: FloorRun): Promise<number> {
  worker.postMessage(run);
  return (await once(worker, "message"))[0] as number;
}

/** Subjects that forward what arrives at a UDP port. */
export interface Forwarder {
  readonly subjects: readonly Subject[];
  readonly port: number;
  /** The datagram that makes the publisher's address known; null when that is not needed. */
  readonly hello: Uint8Array | null;
  /** Makes the addresses of all receivers known, or says that they are still there; nobody else uses their sockets then. */
  checkReceivers(): Promise<void>;
}

export async function startNaive(load: Load, sinkPort: number): Promise<Forwarder> {
  const subject = new Subject("naive", { load, sinkPort });
  const [port] = (await once(subject.worker, "message")) as [number];
  return { subjects: [subject], port, hello: null, checkReceivers: async () => {} };
}
