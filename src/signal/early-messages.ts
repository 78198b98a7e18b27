/**
 * Queue of reliable messages for a client that has just joined and whose channel is not open yet. It has the limits of
 * the channel's own queue, so that all of it fits there; and senders are paused at half of it, as there.
 */
import { RELIABLE_QUEUE as LIMIT } from "../control/data-channel.ts";

export class EarlyMessages {
  #messages: Uint8Array[] = [];
  #bytes = 0;

  /** Whether the queue is more than half full, in bytes or in messages. */
  get isHalfFull(): boolean {
    return this.#bytes > LIMIT.bytes / 2 || this.#messages.length > LIMIT.messages / 2;
  }

  /** Returns false when there is no room for it. Keeps `message`. */
  add(message: Uint8Array): boolean {
    if (this.#bytes + message.length > LIMIT.bytes || this.#messages.length >= LIMIT.messages) return false;
    this.#messages.push(message);
    this.#bytes += message.length;
    return true;
  }

  take(): readonly Uint8Array[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
