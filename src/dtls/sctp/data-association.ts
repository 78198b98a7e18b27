/**
 * The data channels of one peer (RFC 8831): their states, and the messages that wait to be sent.
 *
 *              peer's OPEN (ACK sent)
 *        ┌─────────────────────────────┐
 *   (none)                              ▼   reset by the peer
 *        └── our OPEN ──▶ opening ──▶ open ────────────────▶ (none)
 *                            ACK
 */
import type { DataEndReason, MessageDrop, SctpDrop } from "../../base/data-counters.ts";
import {
  type ChannelId,
  type ChannelParams,
  heldBytes,
  MAX_MESSAGE_BYTES,
  nextChannelId,
  streamOf,
} from "../../contract/data.ts";
import { DCEP_ACK, encodeOpen, parseDcep } from "./dcep.ts";
import { MAX_STREAMS } from "./incoming-stream.ts";
import { OutgoingMessages } from "./outgoing-messages.ts";
import { type Reliability, SctpAssociation } from "./sctp-association.ts";

/** Payload protocol identifiers (RFC 8831 §8). */
const DCEP = 50;
const STRING = 51;
const BINARY = 53;
const EMPTY_STRING = 56;
const EMPTY_BINARY = 57;

/** SCTP has no empty messages: one is sent as this byte, with an identifier of its own (RFC 8831 §6.6). */
const NOTHING = Uint8Array.of(0);

/** Reliability of messages that open channels (RFC 8832 §6). */
const RELIABLE: Reliability = { ordered: true, maxRetransmits: null, expiresAtMs: null };

export interface DataAssociationEvents {
  /** Sends a packet to the peer. */
  send(packet: Uint8Array): void;
  opened(channelId: ChannelId, params: ChannelParams): void;
  closed(channelId: ChannelId): void;
  /** The payload is held against the peer's window until `release()`. */
  received(channelId: ChannelId, isText: boolean, payload: Uint8Array): void;
  /** A message of `bytes` has been handed to SCTP. */
  sent(channelId: ChannelId, bytes: number): void;
  /** A message of `bytes` was dropped, because it waited too long. */
  late(channelId: ChannelId, bytes: number): void;
  packetDropped(reason: SctpDrop): void;
  messageDropped(reason: MessageDrop): void;
  /** Called last, once, and not after `close()`. */
  ended(reason: DataEndReason): void;
}

interface Channel {
  readonly id: ChannelId;
  readonly params: ChannelParams;
  state: "opening" | "open";
}

export class DataAssociation {
  readonly #sctp: SctpAssociation;
  readonly #events: DataAssociationEvents;
  /** By stream id. */
  readonly #channels = new Map<number, Channel>();
  /** By stream id: the channel that is or was last on the stream. */
  readonly #lastIds = new Map<number, ChannelId>();
  readonly #outgoing = new OutgoingMessages();
  /** Channels that we open, until the association is established. */
  #toOpen: readonly ChannelParams[];

  constructor(
    nowUs: number,
    remotePort: number,
    toOpen: readonly ChannelParams[],
    events: DataAssociationEvents,
  ) {
    this.#events = events;
    this.#toOpen = toOpen;
    this.#sctp = new SctpAssociation(nowUs, remotePort, {
      send: (packet) => events.send(packet),
      established: () => this.#openOurs(),
      message: (streamId, ppid, payload) => this.#onMessage(streamId, ppid, payload),
      peerReset: (streamIds) => this.#onPeerReset(streamIds),
      ready: () => this.#pump(),
      dropped: (reason) => events.packetDropped(reason),
      ended: (reason) => events.ended(reason),
    });
  }

  receive(nowUs: number, packet: Uint8Array): void {
    this.#sctp.receive(nowUs, packet);
  }

  tick(nowUs: number): void {
    this.#sctp.tick(nowUs);
  }

  /** Sends on a channel; ignored unless it is open. `payload` must not change any more. */
  send(channelId: ChannelId, isText: boolean, payload: Uint8Array): void {
    const channel = this.#channelOf(channelId);
    if (channel?.state !== "open") return;
    const { ordered, maxRetransmits, maxLifetimeMs } = channel.params;
    const expiresAtMs = maxLifetimeMs === null ? null : performance.now() + maxLifetimeMs;
    const isEmpty = payload.length === 0;
    this.#outgoing.push({
      channelId,
      ppid: isText ? (isEmpty ? EMPTY_STRING : STRING) : isEmpty ? EMPTY_BINARY : BINARY,
      payload: isEmpty ? NOTHING : payload,
      bytes: payload.length,
      reliability: { ordered, maxRetransmits, expiresAtMs },
    });
    this.#pump();
  }

  /** Received messages of `bytes` in total have been taken: opens the peer's window again. */
  release(bytes: number): void {
    this.#sctp.release(bytes);
  }

  close(): void {
    this.#sctp.close();
  }

  /** The DTLS server opens odd streams (RFC 8832 §6). A repeated COOKIE ECHO does not open the channels again. */
  #openOurs(): void {
    const toOpen = this.#toOpen;
    this.#toOpen = [];
    toOpen.forEach((params, index) => {
      const streamId = 2 * index + 1;
      this.#add(streamId, params, "opening");
      this.#sctp.send(streamId, DCEP, encodeOpen(params), RELIABLE);
    });
  }

  #add(streamId: number, params: ChannelParams, state: Channel["state"]): Channel {
    const lastId = this.#lastIds.get(streamId);
    const channel: Channel = { id: lastId === undefined ? streamId : nextChannelId(lastId), params, state };
    this.#lastIds.set(streamId, channel.id);
    this.#channels.set(streamId, channel);
    return channel;
  }

  /** The channel; undefined when it has ended, even if another uses its stream now. */
  #channelOf(channelId: ChannelId): Channel | undefined {
    const channel = this.#channels.get(streamOf(channelId));
    return channel?.id === channelId ? channel : undefined;
  }

  #onMessage(streamId: number, ppid: number, payload: Uint8Array): void {
    if (payload.length > MAX_MESSAGE_BYTES) this.#sctp.end("violation");
    else if (ppid === DCEP) this.#onDcep(streamId, payload);
    else this.#onUserMessage(streamId, ppid, payload);
  }

  #onDcep(streamId: number, message: Uint8Array): void {
    const dcep = parseDcep(message);
    const channel = this.#channels.get(streamId);
    if (dcep.kind === "ack" && channel?.state === "opening") this.#onOpen(channel);
    else if (dcep.kind === "open" && channel === undefined && this.#mayOpen(streamId)) {
      const opened = this.#add(streamId, dcep.params, "open");
      // Queued, because our reset of the stream's previous channel may not be answered yet.
      this.#outgoing.push({
        channelId: opened.id,
        ppid: DCEP,
        payload: DCEP_ACK,
        bytes: 0,
        reliability: RELIABLE,
      });
      this.#pump();
      this.#onOpen(opened);
    } else {
      this.#events.messageDropped("dcep");
      // Refuses the channel by a reset, so that the peer does not wait (RFC 8832 §6).
      if (dcep.kind !== "ack" && channel === undefined) this.#sctp.resetStream(streamId);
    }
  }

  #mayOpen(streamId: number): boolean {
    return streamId % 2 === 0 && streamId < MAX_STREAMS;
  }

  #onOpen(channel: Channel): void {
    channel.state = "open";
    this.#events.opened(channel.id, channel.params);
  }

  #onUserMessage(streamId: number, ppid: number, payload: Uint8Array): void {
    const channel = this.#channels.get(streamId);
    if (channel === undefined) {
      this.#events.messageDropped("unknown_channel");
      return;
    }
    // On an unordered channel a message may overtake the acknowledgement of our OPEN.
    if (channel.state === "opening") this.#onOpen(channel);
    const isEmpty = ppid === EMPTY_STRING || ppid === EMPTY_BINARY;
    const content = isEmpty ? payload.subarray(0, 0) : payload;
    this.#sctp.hold(heldBytes(content.length));
    this.#events.received(channel.id, ppid === STRING || ppid === EMPTY_STRING, content);
  }

  #onPeerReset(streamIds: readonly number[]): void {
    for (const streamId of streamIds) {
      const channel = this.#channels.get(streamId);
      if (channel === undefined) continue;
      this.#channels.delete(streamId);
      this.#outgoing.drop(channel.id);
      this.#sctp.resetStream(streamId);
      this.#events.closed(channel.id);
    }
  }

  #pump(): void {
    const maySend = (channelId: ChannelId): boolean => this.#sctp.maySend(streamOf(channelId));
    while (this.#sctp.isReady) {
      const message = this.#outgoing.next(maySend);
      if (message === undefined) return;
      const { channelId, ppid, payload, bytes, reliability } = message;
      const { expiresAtMs } = reliability;
      if (expiresAtMs !== null && expiresAtMs < performance.now()) {
        this.#events.late(channelId, bytes);
        continue;
      }
      if (ppid !== DCEP) this.#events.sent(channelId, bytes);
      this.#sctp.send(streamOf(channelId), ppid, payload, reliability);
    }
  }
}
