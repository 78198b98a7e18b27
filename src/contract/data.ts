/**
 * Letters between control (main thread) and the DTLS thread about data channels (RFC 8831): plain data, one batch per turn.
 * The payloads of a batch are in one buffer, which is transferred without a copy.
 *
 * A letter that names something unknown is ignored, because the thing may have ended while the letter was under way.
 */
import type { DataEndReason } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";

/** Our `a=sctp-port`. Every transport has one association, so all of them use the same. */
export const SCTP_PORT = 5000;

/** Our `a=max-message-size`, as Chromium's. Larger: more memory for each peer. Smaller: clients split more. */
export const MAX_MESSAGE_BYTES = 262_144;

/**
 * What a received message takes of the receive window beside its bytes, until control has taken it: about the memory that it
 * costs us meanwhile. Smaller: a window full of messages of one byte costs hundreds of megabytes. Larger: a burst of short
 * messages is slowed down when main is late.
 */
const MESSAGE_OVERHEAD_BYTES = 256;

export const heldBytes = (messageBytes: number): number => messageBytes + MESSAGE_OVERHEAD_BYTES;

/** What both ends have to know of a channel before its first message (RFC 8832 §5.1). */
export interface ChannelParams {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  /** How often, or for how long, a lost message is sent again; at most one of them is not null. Both null: reliable. */
  readonly maxRetransmits: number | null;
  readonly maxLifetimeMs: number | null;
}

/**
 * Identifies a channel of an association, and no later one on the same stream: letters about a channel may still be under
 * way when the next one opens. The first channel of a stream has the stream's number, which is even when the peer opened it
 * and odd when we did (RFC 8832 §6); each further one has 65,536 more.
 */
export type ChannelId = number;

export const streamOf = (channelId: ChannelId): number => channelId % 65_536;

export const nextChannelId = (channelId: ChannelId): ChannelId => channelId + 65_536;

/** A slice of the batch's `bytes`. */
interface Slice {
  readonly at: number;
  readonly length: number;
}

export type DataCommand =
  | {
      /** Start SCTP as soon as the DTLS handshake is done. */
      readonly kind: "data.open";
      readonly transportId: TransportId;
      readonly remotePort: number;
      /** Channels that we open; the peer may open others. */
      readonly channels: readonly ChannelParams[];
    }
  | { readonly kind: "data.close"; readonly transportId: TransportId }
  | ({
      readonly kind: "message.send";
      readonly transportId: TransportId;
      readonly channelId: ChannelId;
      readonly isText: boolean;
    } & Slice)
  /** Control has taken received messages of so many `heldBytes`: the receive window opens by as much. */
  | { readonly kind: "message.taken"; readonly transportId: TransportId; readonly bytes: number };

export type DataEvent =
  /** Control has opened the association, and DTLS is secure: no other thread can begin it any more. */
  | { readonly kind: "data.begun"; readonly transportId: TransportId }
  | {
      readonly kind: "channel.opened";
      readonly transportId: TransportId;
      readonly channelId: ChannelId;
      readonly params: ChannelParams;
    }
  | { readonly kind: "channel.closed"; readonly transportId: TransportId; readonly channelId: ChannelId }
  | ({
      readonly kind: "message.received";
      readonly transportId: TransportId;
      readonly channelId: ChannelId;
      readonly isText: boolean;
    } & Slice)
  /** So many of the channel's messages have left the queue. */
  | {
      readonly kind: "message.sent";
      readonly transportId: TransportId;
      readonly channelId: ChannelId;
      readonly messages: number;
      readonly bytes: number;
    }
  | { readonly kind: "data.ended"; readonly transportId: TransportId; readonly reason: DataEndReason };

export interface DataBatch<Letter extends DataCommand | DataEvent> {
  readonly letters: readonly Letter[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}
