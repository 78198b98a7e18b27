/**
 * What crosses between control (main thread) and the DTLS thread about data channels (RFC 8831): plain data, in batches
 * of one turn each. The payloads of a batch stand in one buffer, which changes hands without being copied.
 *
 * A letter about something unknown is ignored: it may have ended while the letter was under way.
 */
import type { DataEndReason } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";

/** `a=sctp-port` of our end; every transport has one association, so one number does for all. */
export const SCTP_PORT = 5000;

/** `a=max-message-size` of our end, as Chromium's. Larger: more memory for each peer. Smaller: clients split more. */
export const MAX_MESSAGE_BYTES = 262_144;

/**
 * What a received message takes of its sender's window beside its bytes, until it was taken: about what it costs us on
 * its way. Smaller: a window full of messages of one byte costs hundreds of megabytes. Larger: a burst of short messages
 * is slowed down when main is late.
 */
const MESSAGE_OVERHEAD_BYTES = 256;

export const heldBytes = (messageBytes: number): number => messageBytes + MESSAGE_OVERHEAD_BYTES;

/** What both ends have to know of a channel before its first message (RFC 8832 §5.1). */
export interface ChannelParams {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  /** How often a lost message is sent again, and for how long; null: until it arrives. Not both. */
  readonly maxRetransmits: number | null;
  readonly maxLifetimeMs: number | null;
}

/**
 * Names a channel of an association, and no later one: letters about a channel may still be under way when the next has
 * opened on its stream. The stream's first channel has its number: even when the peer opened it, odd when we did (RFC 8832
 * §6). Each further one has 65,536 more.
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
      /** SCTP may begin as soon as DTLS is secure. */
      readonly kind: "data.open";
      readonly transportId: TransportId;
      readonly remotePort: number;
      /** Channels that we open, beside those that the peer opens. */
      readonly channels: readonly ChannelParams[];
    }
  | { readonly kind: "data.close"; readonly transportId: TransportId }
  | { readonly kind: "channel.close"; readonly transportId: TransportId; readonly channelId: ChannelId }
  | ({
      readonly kind: "message.send";
      readonly transportId: TransportId;
      readonly channelId: ChannelId;
      readonly isText: boolean;
    } & Slice)
  /** Received messages that held so many bytes need no memory any more: the peer may send as many. */
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
  /** So many of the channel's messages wait no longer. */
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
