/**
 * Messages that wait for their association, in a queue for each channel. The queues take turns, so that a file on one
 * channel does not hold up a short message on another (RFC 8831 §6.4 leaves the order to us). Control bounds how much waits.
 */
import type { ChannelId } from "../../contract/data.ts";
import type { Reliability } from "./sctp-association.ts";

export interface OutgoingMessage {
  readonly channelId: ChannelId;
  readonly ppid: number;
  readonly payload: Uint8Array;
  /** Size by which control counts it. */
  readonly bytes: number;
  readonly reliability: Reliability;
}

export class OutgoingMessages {
  /** The first queue in this map has the next turn. */
  readonly #lines = new Map<ChannelId, OutgoingMessage[]>();

  push(message: OutgoingMessage): void {
    const line = this.#lines.get(message.channelId);
    if (line === undefined) this.#lines.set(message.channelId, [message]);
    else line.push(message);
  }

  /** Takes the next message whose channel `maySend`; undefined when there is none. */
  next(maySend: (channelId: ChannelId) => boolean): OutgoingMessage | undefined {
    for (const [channelId, line] of this.#lines) {
      if (!maySend(channelId)) continue;
      const message = line.shift();
      this.#lines.delete(channelId);
      if (line.length > 0) this.#lines.set(channelId, line);
      return message;
    }
    return undefined;
  }

  drop(channelId: ChannelId): void {
    this.#lines.delete(channelId);
  }
}
