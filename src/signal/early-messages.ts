/**
 * Reliable messages for a client whose channel is not open yet: it has joined a moment ago. They leave in their order, and
 * all that wait here fit into the channel's own queue.
 */

/**
 * Larger: a client that never opens its channel costs more memory. Smaller: senders wait sooner for somebody who has just
 * come.
 */
const LIMIT = { bytes: 1_048_576, messages: 4_096 };

export class EarlyMessages {
  #messages: Uint8Array[] = [];
  #bytes = 0;

  /** More than half of what may wait does, in bytes or in messages. */
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
