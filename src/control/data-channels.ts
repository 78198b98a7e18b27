/**
 * The data channels of one transport (RFC 8831), independent of what they carry: a client protocol opens the
 * association, labels the channels, and reads the messages.
 */
import type { DataEndReason } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import { type ChannelId, type ChannelParams, heldBytes, MAX_MESSAGE_BYTES } from "../contract/data.ts";
import { DataChannel, type DataMessage, type SendOutcome } from "./data-channel.ts";
import type { AssociationEvent, DataThread } from "./data-thread.ts";

/** What the peer's session description says, and what we open. */
export interface DataOptions {
  /** `a=sctp-port`. */
  readonly remotePort: number;
  /** `a=max-message-size`; 0 for no limit (RFC 8841 §6.1). */
  readonly maxMessageBytes: number;
  /** Channels that we open. The peer may open others. */
  readonly channels: readonly ChannelParams[];
}

export interface DataListener {
  opened(channel: DataChannel): void;
  closed(channel: DataChannel): void;
  /** The bytes are a view into a larger buffer: copy what is kept for long. */
  message(channel: DataChannel, message: DataMessage): void;
  /** After a send that was refused because the queue was full: half of the queue is free again. */
  drained(channel: DataChannel): void;
  /** All channels have ended, and not by `close()`. */
  ended(reason: DataEndReason): void;
}

/** Bytes consumed before the receive window is opened again. Larger: the peer's window is smaller by as much. */
const TAKEN_BYTES = 65_536;

type State =
  | { readonly kind: "none" }
  | { readonly kind: "open"; readonly listener: DataListener; readonly maxMessageBytes: number }
  | { readonly kind: "ended" };

export class DataChannels {
  readonly #transportId: TransportId;
  readonly #thread: DataThread;
  readonly #byId = new Map<ChannelId, DataChannel>();
  #state: State = { kind: "none" };
  #takenBytes = 0;
  #isPaused = false;

  constructor(transportId: TransportId, thread: DataThread) {
    this.#transportId = transportId;
    this.#thread = thread;
  }

  /** May be called once, before or after DTLS is secure. */
  open(options: DataOptions, listener: DataListener): void {
    if (this.#state.kind !== "none") return;
    const { remotePort, maxMessageBytes, channels } = options;
    this.#state = {
      kind: "open",
      listener,
      maxMessageBytes: Math.min(maxMessageBytes || MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES),
    };
    this.#thread.route(this.#transportId, (event, bytes) => this.#onEvent(event, bytes, listener));
    this.#thread.post({ kind: "data.open", transportId: this.#transportId, remotePort, channels });
  }

  /** The open channel of this label; of several, the newest. */
  channel(label: string): DataChannel | undefined {
    return [...this.#byId.values()].findLast(({ params }) => params.label === label);
  }

  send(label: string, message: DataMessage): SendOutcome {
    return this.channel(label)?.send(message) ?? "not_open";
  }

  /**
   * Stops opening the receive window (flow control): messages in flight, up to a megabyte, still arrive; then the peer
   * has to hold back reliable messages and to drop the others.
   */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#tellTaken();
  }

  /** Ends the association; no event follows. */
  close(): void {
    if (this.#state.kind !== "open") return;
    this.#thread.post({ kind: "data.close", transportId: this.#transportId });
    this.#end();
  }

  #onEvent(event: AssociationEvent, bytes: Uint8Array, listener: DataListener): void {
    if (event.kind === "data.ended") {
      for (const channel of this.#end()) listener.closed(channel);
      listener.ended(event.reason);
    } else if (event.kind === "channel.opened") {
      this.#onOpened(event.channelId, event.params);
    } else {
      const channel = this.#byId.get(event.channelId);
      if (channel !== undefined) this.#onChannelEvent(channel, event, bytes, listener);
    }
  }

  #onOpened(channelId: ChannelId, params: ChannelParams): void {
    if (this.#state.kind !== "open") return;
    const { listener, maxMessageBytes } = this.#state;
    const channel = new DataChannel(this.#thread, this.#transportId, channelId, params, maxMessageBytes);
    this.#byId.set(channelId, channel);
    listener.opened(channel);
  }

  #onChannelEvent(
    channel: DataChannel,
    event: Exclude<AssociationEvent, { kind: "data.ended" | "channel.opened" }>,
    bytes: Uint8Array,
    listener: DataListener,
  ): void {
    switch (event.kind) {
      case "channel.closed":
        channel.onClosed();
        this.#byId.delete(event.channelId);
        return listener.closed(channel);
      case "message.received": {
        const { isText, at, length } = event;
        listener.message(channel, { isText, bytes: bytes.subarray(at, at + length) });
        this.#takenBytes += heldBytes(length);
        if (!this.#isPaused && this.#takenBytes >= TAKEN_BYTES) this.#tellTaken();
        return;
      }
      case "message.sent":
        if (channel.onSent(event.messages, event.bytes)) listener.drained(channel);
        return;
      default:
        return event satisfies never;
    }
  }

  #tellTaken(): void {
    if (this.#state.kind !== "open" || this.#takenBytes === 0) return;
    const bytes = this.#takenBytes;
    this.#takenBytes = 0;
    this.#thread.post({ kind: "message.taken", transportId: this.#transportId, bytes });
  }

  /** Returns the channels that were open. */
  #end(): readonly DataChannel[] {
    this.#state = { kind: "ended" };
    this.#thread.unroute(this.#transportId);
    const channels = [...this.#byId.values()];
    this.#byId.clear();
    for (const channel of channels) channel.onClosed();
    return channels;
  }
}
