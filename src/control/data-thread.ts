/**
 * The DTLS thread as control sees it: it carries data channels, and without it no session gets its keys. All commands
 * of one turn of the event loop are posted as one batch; events are routed by their transport, and dropped when it has
 * ended.
 */
import { ByteBatch } from "../base/byte-batch.ts";
import type { DataCounts } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import type { ChannelId, DataBatch, DataCommand, DataEvent } from "../contract/data.ts";
import type { Clock } from "./clock.ts";

/** A living DTLS thread. Each listener is registered once. */
export interface DataThreadHandle {
  /** Transfers the batch's bytes. */
  post(batch: DataBatch<DataCommand>): void;
  onBatch(listener: (batch: DataBatch<DataEvent>) => void): void;
  /** Called once, when the thread has given signs of life for a while. */
  onStable(listener: () => void): void;
  onExit(listener: () => void): void;
}

/** Events that a transport gets about its association. */
export type AssociationEvent = Exclude<DataEvent, { kind: "data.begun" }>;

/** `bytes` holds the payload that the event may refer to. */
type Listener = (event: AssociationEvent, bytes: Uint8Array) => void;

/**
 * How long sessions are accepted without a thread; its successor starts within one or two seconds. Larger: where none
 * can be started, sessions are accepted for longer that then wait in vain. Smaller: a busy machine refuses sessions
 * that it could serve.
 */
const SUCCESSOR_MS = 5_000;

export class DataThread {
  /** Messages that control drops are counted here as well. */
  readonly counts: DataCounts;
  readonly #routes = new Map<TransportId, Listener>();
  /** The `data.open` of each association that has not begun: a successor of the thread can still begin it. */
  readonly #unbegun = new Map<TransportId, DataCommand>();
  readonly #bytes = new ByteBatch();
  #letters: DataCommand[] = [];
  #handle: DataThreadHandle | null = null;
  readonly #clock: Clock;
  #isMissing = false;
  /** Threads that have ended since the last one that was stable. */
  #deaths = 0;
  /** Ends the wait for a successor. */
  #cancelTimer: () => void = () => {};

  constructor(counts: DataCounts, clock: Clock) {
    this.counts = counts;
    this.#clock = clock;
  }

  /** Whether the thread has ended and has no successor that started in time, or none that is stable. */
  get isMissing(): boolean {
    return this.#isMissing;
  }

  /** From now on this thread carries data channels. The associations of its predecessor ended with it. */
  attach(handle: DataThreadHandle): void {
    this.#handle = handle;
    this.#cancelTimer();
    if (this.#deaths <= 1) this.#isMissing = false;
    handle.onStable(() => {
      if (this.#handle !== handle) return;
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
    // Without a thread only `data.open` matters, which is kept; all else is about associations that have ended.
    if (letters.length > 0) this.#handle?.post({ letters, bytes });
  }

  #onExit(handle: DataThreadHandle): void {
    if (this.#handle !== handle) return;
    this.#handle = null;
    this.#deaths += 1;
    if (this.#deaths > 1) this.#isMissing = true;
    this.#cancelTimer = this.#clock.after(SUCCESSOR_MS, () => {
      this.#isMissing = true;
    });
    const nothing = new Uint8Array(0);
    for (const [transportId, listener] of [...this.#routes]) {
      if (!this.#unbegun.has(transportId))
        listener({ kind: "data.ended", transportId, reason: "dtls_closed" }, nothing);
    }
  }
}
