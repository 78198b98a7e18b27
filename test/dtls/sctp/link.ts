/** A `DataAssociation` and a client with a path between them that delays, loses and changes packets as a test says. */
import { readU32 } from "../../../src/base/bytes.ts";
import type { DataEndReason, MessageDrop, SctpDrop } from "../../../src/base/data-counters.ts";
import { type ChannelId, type ChannelParams, heldBytes, streamOf } from "../../../src/contract/data.ts";
import { DataAssociation } from "../../../src/dtls/sctp/data-association.ts";
import { acknowledge } from "../../../src/dtls/sctp/sctp-corrections.ts";
import { SctpClient } from "./sctp-client.ts";

export interface LinkOptions {
  /** One way, asked for each packet: paths reorder when it varies. */
  readonly delayMs?: () => number;
  /** Replaces a packet by none or several. */
  readonly toServer?: (packet: Uint8Array) => readonly Uint8Array[];
  readonly toClient?: (packet: Uint8Array) => readonly Uint8Array[];
  /** Channels that the server opens. */
  readonly channels?: readonly ChannelParams[];
  /** Whether received messages give their memory back at once. */
  readonly releases?: boolean;
}

export interface ReceivedByServer {
  readonly streamId: number;
  readonly isText: boolean;
  readonly payload: Uint8Array;
}

export class Link {
  readonly client: SctpClient;
  readonly server: DataAssociation;
  /** By stream, as in all that is noted here. */
  readonly opened = new Map<number, ChannelParams>();
  readonly closed: number[] = [];
  readonly received: ReceivedByServer[] = [];
  readonly packetDrops: SctpDrop[] = [];
  readonly messageDrops: MessageDrop[] = [];
  sentBytes = 0;
  lateBytes = 0;
  ended: DataEndReason | undefined;
  /** By stream, the channel that is open on it. */
  readonly #ids = new Map<number, ChannelId>();
  /** Every packet that left the client, and how many left the server. */
  readonly fromClient: Uint8Array[] = [];
  fromServer = 0;

  constructor(options: LinkOptions = {}) {
    const { delayMs = () => 10, toServer, toClient, channels = [], releases = true } = options;
    this.client = new SctpClient((packet) => {
      const copy = Uint8Array.from(packet);
      this.fromClient.push(copy);
      for (const one of toServer?.(copy) ?? [copy]) setTimeout(() => this.toServer(one), delayMs());
    });
    this.server = new DataAssociation(nowUs(), 5000, channels, {
      send: (packet) => {
        this.fromServer += 1;
        const copy = Uint8Array.from(packet);
        for (const one of toClient?.(copy) ?? [copy]) setTimeout(() => this.client.receive(one), delayMs());
      },
      opened: (channelId, params) => {
        this.#ids.set(streamOf(channelId), channelId);
        this.opened.set(streamOf(channelId), params);
      },
      closed: (channelId) => {
        this.opened.delete(streamOf(channelId));
        this.closed.push(streamOf(channelId));
      },
      received: (id, isText, payload) => {
        this.received.push({ streamId: streamOf(id), isText, payload: Uint8Array.from(payload) });
        if (releases) this.server.release(heldBytes(payload.length));
      },
      sent: (_channelId, bytes) => {
        this.sentBytes += bytes;
      },
      late: (_channelId, bytes) => {
        this.lateBytes += bytes;
      },
      packetDropped: (reason) => this.packetDrops.push(reason),
      messageDropped: (reason) => this.messageDrops.push(reason),
      ended: (reason) => {
        this.ended = reason;
      },
    });
  }

  /** The tag that the client puts into its packets. */
  get serverTag(): number {
    return readU32(this.fromClient.at(-1)!, 4);
  }

  /** The TSN of what the client sends next. */
  get nextTsn(): number {
    return this.client.sctp.localTsn;
  }

  /** The server says something on the channel that is open on a stream. */
  say(streamId: number, isText: boolean, payload: Uint8Array): void {
    this.server.send(this.#ids.get(streamId)!, isText, payload);
  }

  toServer(packet: Uint8Array): void {
    this.server.receive(nowUs(), packet);
  }

  /** What both ends do now and then. */
  tick(): void {
    this.server.tick(nowUs());
    void acknowledge(this.client.sctp);
  }

  stop(): void {
    this.client.stop();
    this.server.close();
  }
}

const nowUs = (): number => performance.now() * 1000;
