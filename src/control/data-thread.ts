/**
 * The DTLS thread as control sees it: who carries data channels, and without whom no session gets its keys. What is said to it
 * in one turn of the loop goes in one batch; events are routed by the transport they are about, and dropped when it has ended.
 */
import { ByteBatch } from "../base/byte-batch.ts";
import type { DataCounts } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import type { ChannelId, DataBatch, DataCommand, DataEvent } from "../contract/data.ts";
import type { Clock } from "./clock.ts";

/** A living DTLS thread. Each listener is registered once. */
export interface DataThreadHandle {
  /** The batch's bytes change hands. */
  post(batch: DataBatch<DataCommand>): void;
  onBatch(listener: (batch: DataBatch<DataEvent>) => void): void;
  onExit(listener: () => void): void;
}

/** What a transport is told of its association. */
export type AssociationEvent = Exclude<DataEvent, { kind: "data.begun" }>;

/** `bytes` holds the payload that the event may point to. */
type Listener = (event: AssociationEvent, bytes: Uint8Array) => void;

/**
 * A successor is there within one or two seconds, and sessions wait for it. Larger: where none can be started, sessions are
 * taken for so long that will wait in vain. Smaller: a busy machine turns away whom it could serve.
 */
const SUCCESSOR_MS = 5_000;

/**
 * A thread that lives for so long will live. Larger: after two deaths in a row nobody is taken in for longer. Smaller: sessions are
 * taken by threads that all die before they serve them.
 */
const PROVEN_MS = 10_000;

export class DataThread {
  /** To which is added what control drops itself. */
  readonly counts: DataCounts;
  readonly #routes = new Map<TransportId, Listener>();
  /** What opens associations that have not begun: another thread can begin them as well. */
  readonly #unbegun = new Map<TransportId, DataCommand>();
  readonly #bytes = new ByteBatch();
  #letters: DataCommand[] = [];
  #handle: DataThreadHandle | null = null;
  readonly #clock: Clock;
  #isMissing = false;
  /** Threads that have ended since one was proven. */
  #deaths = 0;
  #cancelTimer: () => void = () => {};

  constructor(counts: DataCounts, clock: Clock) {
    this.counts = counts;
    this.#clock = clock;
  }

  /** The thread has ended, and no other has come in the time that it takes, or has stayed. */
  get isMissing(): boolean {
    return this.#isMissing;
  }

  /** From now on this thread carries data channels. What associations the one before had, have ended with it. */
  attach(handle: DataThreadHandle): void {
    this.#handle = handle;
    if (this.#deaths <= 1) this.#isMissing = false;
    this.#restartTimer(PROVEN_MS, () => {
      this.#deaths = 0;
      this.#isMissing = false;
    });
    handle.onBatch(({ letters, bytes }) => {
      for (const event of letters) {
        if (event.kind === "data.begun") this.#unbegun.delete(event.transportId);
        else this.#routes.get(event.transportId)?.(event, bytes);
      }
    });
    handle.onExit(() => this.#onExit(handle));
    this.#letters = [...this.#unbegun.values()];
    if (this.#letters.length > 0) this.#flush();
  }

  /** Events about `transportId` go to `listener` until `unroute()`. */
  route(transportId: TransportId, listener: Listener): void {
    this.#routes.set(transportId, listener);
  }

  unroute(transportId: TransportId): void {
    this.#routes.delete(transportId);
    this.#unbegun.delete(transportId);
  }

  post(command: DataCommand): void {
    if (command.kind === "data.open") this.#unbegun.set(command.transportId, command);
    if (this.#letters.length === 0) queueMicrotask(() => this.#flush());
    this.#letters.push(command);
  }

  /** Copies `payload`. */
  send(transportId: TransportId, channelId: ChannelId, isText: boolean, payload: Uint8Array): void {
    const at = this.#bytes.append(payload);
    this.post({ kind: "message.send", transportId, channelId, isText, at, length: payload.length });
  }

  #flush(): void {
    const letters = this.#letters;
    this.#letters = [];
    const bytes = this.#bytes.take();
    // Between two threads nothing has begun: what is to be opened is kept, and all else is of the past.
    if (letters.length > 0) this.#handle?.post({ letters, bytes });
  }

  #onExit(handle: DataThreadHandle): void {
    if (this.#handle !== handle) return;
    this.#handle = null;
    this.#deaths += 1;
    if (this.#deaths > 1) this.#isMissing = true;
    this.#restartTimer(SUCCESSOR_MS, () => {
      this.#isMissing = true;
    });
    const nothing = new Uint8Array(0);
    for (const [transportId, listener] of [...this.#routes]) {
      if (!this.#unbegun.has(transportId))
        listener({ kind: "data.ended", transportId, reason: "dtls_closed" }, nothing);
    }
  }

  #restartTimer(delayMs: number, action: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(delayMs, action);
  }
}
