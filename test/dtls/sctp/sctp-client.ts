/** A peer's end of an association, made of werift's, with hands on every packet. */
import { Event, RTCSctpTransport } from "werift";
import type { ChannelParams } from "../../../src/contract/data.ts";
import { DCEP_ACK, encodeOpen, parseDcep } from "../../../src/dtls/sctp/dcep.ts";
import { correct } from "../../../src/dtls/sctp/sctp-corrections.ts";
import { StreamReset } from "../../../src/dtls/sctp/stream-reset.ts";
import { ESTABLISHED, type WeriftSctp } from "../../../src/dtls/sctp/werift-sctp.ts";

export const RELIABLE: ChannelParams = {
  label: "_reliable",
  protocol: "",
  ordered: true,
  maxRetransmits: null,
  maxLifetimeMs: null,
};
export const LOSSY: ChannelParams = {
  label: "_lossy",
  protocol: "",
  ordered: false,
  maxRetransmits: 0,
  maxLifetimeMs: null,
};

const DCEP = 50;
export const STRING = 51;
export const BINARY = 53;

type Dtls = Parameters<RTCSctpTransport["setDtlsTransport"]>[0];

export interface ReceivedByClient {
  readonly streamId: number;
  readonly ppid: number;
  readonly payload: Uint8Array;
}

export class SctpClient {
  readonly sctp: WeriftSctp;
  readonly received: ReceivedByClient[] = [];
  /** What the server opened. */
  readonly opened = new Map<number, ChannelParams>();
  /** Streams that the server has reset. */
  readonly resets: number[] = [];
  readonly #transport: RTCSctpTransport;
  readonly #reset: StreamReset;

  constructor(send: (packet: Uint8Array) => void) {
    this.#transport = new RTCSctpTransport(5000);
    const dtls = {
      id: "client",
      onStateChange: new Event(),
      iceTransport: { role: "controlling" },
      dataReceiver: () => {},
      sendData: async (packet: Buffer) => send(packet),
    };
    this.#transport.setDtlsTransport(dtls as unknown as Dtls);
    this.sctp = this.#transport.sctp as unknown as WeriftSctp;
    this.sctp.onReceive.allUnsubscribe();
    this.sctp.onReceive.subscribe((streamId, ppid, payload) => this.#onMessage(streamId, ppid, payload));
    correct(this.sctp, () => this.#reset.onAcknowledged());
    this.#reset = new StreamReset(this.sctp, {
      peerReset: (streamIds) => this.resets.push(...streamIds),
      answered: () => {},
    });
  }

  get isEstablished(): boolean {
    return this.sctp.associationState === ESTABLISHED;
  }

  /** Makes `tsn` the first that the client sends: it is random otherwise. */
  startAt(tsn: number): void {
    const before = (tsn - 1) >>> 0;
    Object.assign(this.sctp, {
      localTsn: tsn,
      lastSackedTsn: before,
      advancedPeerAckTsn: before,
      reconfigRequestSeq: tsn,
    });
  }

  connect(): void {
    void this.#transport.start(5000);
  }

  receive(packet: Uint8Array): void {
    void this.sctp.handleData(Buffer.from(packet));
  }

  open(streamId: number, params: ChannelParams): void {
    this.send(streamId, DCEP, encodeOpen(params));
  }

  send(streamId: number, ppid: number, payload: Uint8Array, params: ChannelParams = RELIABLE): void {
    void this.sctp.send(streamId, ppid, Buffer.from(payload), {
      ordered: params.ordered,
      maxRetransmits: params.maxRetransmits ?? undefined,
      expiry: undefined,
    });
  }

  reset(streamId: number): void {
    this.#reset.request(streamId);
  }

  /** The server has answered to the last reset of this stream. */
  hasReset(streamId: number): boolean {
    return !this.#reset.isUnderWay(streamId);
  }

  stop(): void {
    void this.sctp.stop();
  }

  #onMessage(streamId: number, ppid: number, payload: Uint8Array): void {
    this.received.push({ streamId, ppid, payload });
    if (ppid !== DCEP) return;
    const message = parseDcep(payload);
    if (message.kind !== "open") return;
    this.opened.set(streamId, message.params);
    this.send(streamId, DCEP, DCEP_ACK);
  }
}
