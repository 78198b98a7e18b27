/** One open data channel of a transport, and the bounds of its send queue. */
import type { TransportId } from "../base/ids.ts";
import type { ChannelId, ChannelParams } from "../contract/data.ts";
import type { DataThread } from "./data-thread.ts";

export interface DataMessage {
  readonly isText: boolean;
  /** UTF-8 when it is text, according to the sender: it is not validated. */
  readonly bytes: Uint8Array;
}

/** `full` is temporary, `too_large` is not. Both are counted, and the message is dropped. */
export type SendOutcome = "queued" | "full" | "too_large" | "not_open";

/**
 * Send queue of one reliable channel. Larger: slow receivers cost more memory. Smaller: bursts are refused that the
 * peer would have taken a moment later; a reliable channel carries files, in chunks of some 10 KB.
 */
export const RELIABLE_QUEUE = { bytes: 4_194_304, messages: 8_192 };

/**
 * Send queue of one unreliable channel. Its messages lose their value with age: refusing new ones when the queue is
 * full bounds the age of what is sent. Larger: older messages. Smaller: fewer of a burst arrive; a frame of a data
 * track is some 10 KB.
 */
const LOSSY_QUEUE = { bytes: 262_144, messages: 1_024 };

export class DataChannel {
  readonly params: ChannelParams;
  readonly #id: ChannelId;
  readonly #transportId: TransportId;
  readonly #thread: DataThread;
  readonly #maxMessageBytes: number;
  readonly #limit: typeof RELIABLE_QUEUE;
  #queued = { bytes: 0, messages: 0 };
  #isOpen = true;
  #wasRefused = false;

  constructor(
    thread: DataThread,
    transportId: TransportId,
    id: ChannelId,
    params: ChannelParams,
    maxMessageBytes: number,
  ) {
    this.params = params;
    this.#id = id;
    this.#transportId = transportId;
    this.#thread = thread;
    this.#maxMessageBytes = maxMessageBytes;
    const isReliable = params.maxRetransmits === null && params.maxLifetimeMs === null;
    this.#limit = isReliable ? RELIABLE_QUEUE : LOSSY_QUEUE;
  }

  /** Bytes of queued messages. */
  get bufferedAmount(): number {
    return this.#queued.bytes;
  }

  /** Whether more than half of the send queue is used, in bytes or in messages. */
  get isHalfFull(): boolean {
    const { bytes, messages } = this.#queued;
    return bytes > this.#limit.bytes / 2 || messages > this.#limit.messages / 2;
  }

  /** Copies the message. */
  send({ isText, bytes }: DataMessage): SendOutcome {
    if (!this.#isOpen) return "not_open";
    const { counts } = this.#thread;
    if (bytes.length > this.#maxMessageBytes) {
      counts.droppedMessages_too_large += 1;
      return "too_large";
    }
    const { bytes: queuedBytes, messages } = this.#queued;
    if (queuedBytes + bytes.length > this.#limit.bytes || messages >= this.#limit.messages) {
      counts.droppedMessages_queue_full += 1;
      this.#wasRefused = true;
      return "full";
    }
    this.#queued = { bytes: queuedBytes + bytes.length, messages: messages + 1 };
    this.#thread.send(this.#transportId, this.#id, isText, bytes);
    return "queued";
  }

  onClosed(): void {
    this.#isOpen = false;
  }

  /** Messages have left the queue. Returns true when, after a refusal, half of the queue is free again. */
  onSent(messages: number, bytes: number): boolean {
    this.#queued = { bytes: this.#queued.bytes - bytes, messages: this.#queued.messages - messages };
    if (!this.#wasRefused || this.isHalfFull) return false;
    this.#wasRefused = false;
    return true;
  }
}
