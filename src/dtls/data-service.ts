/**
 * The SCTP associations of the DTLS thread, and their letters to and from control.
 *
 * An association begins when control has opened it and DTLS is secure, in either order: main opens it, and a media thread's
 * datagrams complete the handshake. Letters to control leave once per turn, in one batch.
 */
import { ByteBatch } from "../base/byte-batch.ts";
import { type DataCounts, type DataEndReason, zeroDataCounts } from "../base/data-counters.ts";
import type { TransportId } from "../base/ids.ts";
import type { DataBatch, DataCommand, DataEvent } from "../contract/data.ts";
import { DataAssociation } from "./sctp/data-association.ts";

type OpenCommand = Extract<DataCommand, { kind: "data.open" }>;

interface Endpoint {
  /** Null until control has opened it, and after its association ended. */
  wanted: OpenCommand | null;
  /** How to send application data; null until DTLS is secure. */
  send: ((packet: Uint8Array) => void) | null;
  association: DataAssociation | null;
}

export interface DataServiceSettings {
  readonly nowUs: () => number;
  readonly post: (batch: DataBatch<DataEvent>) => void;
}

export class DataService {
  readonly #settings: DataServiceSettings;
  readonly #endpoints = new Map<TransportId, Endpoint>();
  readonly #bytes = new ByteBatch();
  #letters: DataEvent[] = [];
  #counts = zeroDataCounts();
  #associations = 0;

  constructor(settings: DataServiceSettings) {
    this.#settings = settings;
  }

  /** Number of associations now. */
  get associations(): number {
    return this.#associations;
  }

  /** Counts since the last call. */
  takeCounts(): DataCounts {
    const counts = this.#counts;
    this.#counts = zeroDataCounts();
    return counts;
  }

  receive({ letters, bytes }: DataBatch<DataCommand>): void {
    for (const letter of letters) this.#onCommand(letter, bytes);
  }

  /** DTLS is secure; `send` takes application data until `onClosed()`. */
  onSecure(transportId: TransportId, send: (packet: Uint8Array) => void): void {
    const endpoint = this.#endpoint(transportId);
    endpoint.send = send;
    this.#begin(endpoint);
  }

  onData(transportId: TransportId, packet: Uint8Array): void {
    this.#endpoints.get(transportId)?.association?.receive(this.#settings.nowUs(), packet);
  }

  /** DTLS has ended. */
  onClosed(transportId: TransportId): void {
    const endpoint = this.#endpoints.get(transportId);
    if (endpoint === undefined) return;
    endpoint.send = null;
    if (endpoint.association !== null) {
      endpoint.association.close();
      this.#onEnded(transportId, endpoint, "dtls_closed");
    }
    this.#forgetIfUnused(transportId, endpoint);
  }

  tick(): void {
    const nowUs = this.#settings.nowUs();
    for (const { association } of this.#endpoints.values()) association?.tick(nowUs);
  }

  #onCommand(command: DataCommand, bytes: Uint8Array): void {
    const { transportId } = command;
    if (command.kind === "data.open") {
      const endpoint = this.#endpoint(transportId);
      if (endpoint.wanted !== null) return;
      endpoint.wanted = command;
      this.#begin(endpoint);
      return;
    }
    const endpoint = this.#endpoints.get(transportId);
    switch (command.kind) {
      case "data.close":
        return this.#close(transportId);
      case "message.send": {
        const { channelId, isText, at, length } = command;
        // A copy: a slow peer must not keep the whole batch in memory.
        return endpoint?.association?.send(channelId, isText, bytes.slice(at, at + length));
      }
      case "message.taken":
        return endpoint?.association?.release(command.bytes);
      default:
        return command satisfies never;
    }
  }

  #begin(endpoint: Endpoint): void {
    const { wanted, send } = endpoint;
    if (wanted === null || send === null || endpoint.association !== null) return;
    const { transportId, remotePort, channels } = wanted;
    this.#associations += 1;
    this.#tell({ kind: "data.begun", transportId });
    endpoint.association = new DataAssociation(this.#settings.nowUs(), remotePort, channels, {
      send,
      opened: (channelId, params) => this.#tell({ kind: "channel.opened", transportId, channelId, params }),
      closed: (channelId) => this.#tell({ kind: "channel.closed", transportId, channelId }),
      received: (channelId, isText, payload) => {
        this.#counts.receivedMessages += 1;
        this.#counts.receivedBytes += payload.length;
        const { length } = payload;
        const at = this.#bytes.append(payload);
        this.#tell({ kind: "message.received", transportId, channelId, isText, at, length });
      },
      sent: (channelId, bytes) => {
        this.#counts.sentMessages += 1;
        this.#counts.sentBytes += bytes;
        this.#tellSent({ kind: "message.sent", transportId, channelId, messages: 1, bytes });
      },
      late: (channelId, bytes) => {
        this.#counts.droppedMessages_lifetime += 1;
        this.#tellSent({ kind: "message.sent", transportId, channelId, messages: 1, bytes });
      },
      packetDropped: (reason) => {
        this.#counts[`droppedPackets_${reason}`] += 1;
      },
      messageDropped: (reason) => {
        this.#counts[`droppedMessages_${reason}`] += 1;
      },
      ended: (reason) => this.#onEnded(transportId, endpoint, reason),
    });
  }

  #onEnded(transportId: TransportId, endpoint: Endpoint, reason: DataEndReason): void {
    endpoint.association = null;
    endpoint.wanted = null;
    this.#associations -= 1;
    this.#counts[`ended_${reason}`] += 1;
    this.#tell({ kind: "data.ended", transportId, reason });
  }

  #close(transportId: TransportId): void {
    const endpoint = this.#endpoints.get(transportId);
    if (endpoint === undefined) return;
    if (endpoint.association !== null) this.#associations -= 1;
    endpoint.association?.close();
    endpoint.association = null;
    endpoint.wanted = null;
    this.#forgetIfUnused(transportId, endpoint);
  }

  #endpoint(transportId: TransportId): Endpoint {
    let endpoint = this.#endpoints.get(transportId);
    if (endpoint === undefined) {
      endpoint = { wanted: null, send: null, association: null };
      this.#endpoints.set(transportId, endpoint);
    }
    return endpoint;
  }

  #forgetIfUnused(transportId: TransportId, { wanted, send }: Endpoint): void {
    if (wanted === null && send === null) this.#endpoints.delete(transportId);
  }

  /** Reports messages that leave in the same turn together: there may be many short ones. */
  #tellSent(letter: Extract<DataEvent, { kind: "message.sent" }>): void {
    const last = this.#letters.at(-1);
    const isSame =
      last?.kind === "message.sent" &&
      last.transportId === letter.transportId &&
      last.channelId === letter.channelId;
    if (!isSame) return this.#tell(letter);
    const { messages, bytes } = last;
    this.#letters[this.#letters.length - 1] = {
      ...letter,
      messages: messages + letter.messages,
      bytes: bytes + letter.bytes,
    };
  }

  #tell(letter: DataEvent): void {
    if (this.#letters.length === 0) setImmediate(() => this.#flush());
    this.#letters.push(letter);
  }

  #flush(): void {
    const letters = this.#letters;
    this.#letters = [];
    this.#settings.post({ letters, bytes: this.#bytes.take() });
  }
}
