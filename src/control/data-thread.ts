/**
 * The DTLS thread as control sees it: who carries data channels. What is said to it in one turn of the loop goes in one
 * batch; events are routed by the transport they are about, and dropped when it has ended.
 */
import { ByteBatch } from "../base/byte-batch.ts";
import type { DataCounts } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import type { ChannelId, DataBatch, DataCommand, DataEvent } from "../contract/data.ts";

/** A living DTLS thread. Each listener is registered once. */
export interface DataThreadHandle {
  /** The batch's bytes change hands. */
  post(batch: DataBatch<DataCommand>): void;
  onBatch(listener: (batch: DataBatch<DataEvent>) => void): void;
  onExit(listener: () => void): void;
}

/** `bytes` holds the payload that the event may point to. */
type Listener = (event: DataEvent, bytes: Uint8Array) => void;

export class DataThread {
  /** To which is added what control drops itself. */
  readonly counts: DataCounts;
  readonly #routes = new Map<TransportId, Listener>();
  readonly #bytes = new ByteBatch();
  #letters: DataCommand[] = [];
  #handle: DataThreadHandle | null = null;

  constructor(counts: DataCounts) {
    this.counts = counts;
  }

  /** From now on this thread carries data channels. The associations of the one before have ended with it. */
  attach(handle: DataThreadHandle): void {
    this.#handle = handle;
    handle.onBatch(({ letters, bytes }) => {
      for (const event of letters) this.#routes.get(event.transportId)?.(event, bytes);
    });
    handle.onExit(() => this.#onExit(handle));
  }

  /** Events about `transportId` go to `listener` until `unroute()`. */
  route(transportId: TransportId, listener: Listener): void {
    this.#routes.set(transportId, listener);
  }

  unroute(transportId: TransportId): void {
    this.#routes.delete(transportId);
  }

  post(command: DataCommand): void {
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
    // Between two threads there is nobody who would carry it.
    if (this.#handle === null) this.#endAll();
    else this.#handle.post({ letters, bytes });
  }

  #onExit(handle: DataThreadHandle): void {
    if (this.#handle !== handle) return;
    this.#handle = null;
    this.#endAll();
  }

  #endAll(): void {
    const nothing = new Uint8Array(0);
    for (const [transportId, listener] of [...this.#routes]) {
      listener({ kind: "data.ended", transportId, reason: "dtls_closed" }, nothing);
    }
  }
}
