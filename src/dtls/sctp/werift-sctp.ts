/**
 * werift's SCTP association as we use it: most of these members are private to werift, and none is part of its public API.
 *
 * `test/dtls/sctp/werift-sctp.test.ts` fails when one is missing or behaves differently. Times are in seconds.
 */
import { Event, RTCSctpTransport } from "werift";
import { SCTP_PORT } from "../../contract/data.ts";
import type { IncomingStream, UnkeptStream } from "./incoming-stream.ts";
import type { ReceivedRuns } from "./received-runs.ts";

/** A DATA chunk that was sent, or is queued. */
export interface OutgoingChunk {
  readonly tsn: number;
  readonly flags: number;
  readonly streamId: number;
  readonly streamSeqNum: number;
  readonly maxRetransmits: number | undefined;
  readonly expiry: number | undefined;
  readonly sentCount: number;
  /** Bytes that it adds to the flight. */
  readonly bookSize: number;
  acked: boolean;
  abandoned: boolean;
  retransmit: boolean;
}

/** Parameters of RE-CONFIG: a request to reset streams (RFC 6525 §4.1), or the response to one of ours (§4.4). */
export type ResetParameter =
  | {
      readonly type: 13;
      readonly requestSequence: number;
      readonly lastTsn: number;
      readonly streams: readonly number[];
    }
  | { readonly type: 16; readonly responseSequence: number; readonly result: number };

interface Emitter<Values extends unknown[]> {
  subscribe(listener: (...values: Values) => void): unknown;
  allUnsubscribe(): void;
}

export interface WeriftSctp {
  associationState: number;
  readonly isStopped: boolean;
  readonly localPort: number;
  readonly localVerificationTag: number;
  readonly stateChanged: Readonly<Record<"connected" | "closed", Emitter<[]>>>;
  handleData(packet: Buffer): Promise<void>;
  sendChunk(chunk: { readonly bytes: Uint8Array }): Promise<void>;
  stop(): Promise<void>;

  // receiving
  readonly onReceive: Emitter<[streamId: number, ppid: number, message: Buffer]>;
  readonly inboundStreams: Record<number, IncomingStream>;
  getInboundStream(id: number): IncomingStream | UnkeptStream;
  advertisedRwnd: number;
  lastReceivedTsn: number | undefined;
  /** TSNs received beyond `lastReceivedTsn`. werift has a Set here, and elsewhere reads only its size. */
  sackMisOrdered: ReceivedRuns;
  sackNeeded: boolean;
  sackImmediate: boolean;
  sackPacketCount: number;
  markReceived(tsn: number): boolean;
  sendSack(): Promise<void>;
  receive(streamId: number, ppid: number, message: Buffer): void;
  receiveForwardTsnChunk(chunk: ForwardTsn): void;

  // sending
  send(
    streamId: number,
    ppid: number,
    message: Buffer,
    options: { ordered: boolean; maxRetransmits: number | undefined; expiry: number | undefined },
  ): Promise<void>;
  flush: { execute(): void; asPromise(): Promise<unknown> };
  onSackReceived: () => Promise<void>;
  transmit(): Promise<void>;
  outboundQueue: OutgoingChunk[];
  sentQueue: OutgoingChunk[];
  readonly localTsn: number;
  readonly lastSackedTsn: number;
  advancedPeerAckTsn: number;
  forwardTsnChunk: { readonly bytes: Uint8Array } | undefined;
  maybeAbandon(chunk: OutgoingChunk): boolean;
  updateAdvancedPeerAckPoint(): void;

  // congestion
  readonly maxPayloadSize: number;
  cwnd: number;
  ssthresh: number;
  flightSize: number;
  partialBytesAcked: number;
  peerAdvertisedRwnd: number;
  fastRecoveryExit: number | undefined;

  // timers
  rto: number;
  srtt: number | undefined;
  rttvar: number | undefined;
  updateRto(measured: number): void;
  timer3Handle: NodeJS.Timeout | undefined;
  timer3Expired: () => void;

  // stream reset
  /** Sequence number of the next ordered message, by stream id; absent for 0. */
  readonly outboundStreamSeq: Record<number, number>;
  /** The request that is not answered yet; it is repeated while its timer runs. */
  reconfigRequest: ResetRequest | undefined;
  reconfigRequestSeq: number;
  reconfigResponseSeq: number;
  readonly onReconfigStreams: Emitter<[streamIds: number[]]>;
  receiveReconfigParam(param: ResetParameter): Promise<void>;
  sendReconfigParam(param: { readonly type: number; readonly bytes: Uint8Array }): Promise<void>;
  timerReconfigHandle: NodeJS.Timeout | undefined;
  timerReconfigHandleExpired: () => void;
  timerReconfigHandleStart(): void;
  timerReconfigCancel(): void;
}

interface ResetRequest {
  readonly type: number;
  readonly requestSequence: number;
  readonly bytes: Uint8Array;
}

export interface ForwardTsn {
  readonly cumulativeTsn: number;
  /** Stream ids, each with the last sequence number that is skipped. */
  readonly streams: readonly (readonly [streamId: number, sequence: number])[];
}

/** The value of `associationState` that we look for. */
export const ESTABLISHED = 4;

/**
 * UDP payload of 1,200 bytes, which every path that carries WebRTC takes (RFC 8831 §5), less what a DTLS record adds:
 * 13 bytes of header, 24 of AES-GCM.
 */
const MTU_BYTES = 1200 - 13 - 24;

type Dtls = Parameters<RTCSctpTransport["setDtlsTransport"]>[0];

export interface OpenedSctp {
  readonly sctp: WeriftSctp;
  /** Begins to accept the peer's INIT: we are the passive side. */
  start(remotePort: number): Promise<void>;
}

/** An association of werift's without its data channels, over any way to send a packet. */
export function openWeriftSctp(send: (packet: Uint8Array) => void): OpenedSctp {
  const transport = new RTCSctpTransport(SCTP_PORT, undefined, { mtu: MTU_BYTES });
  // The four members of werift's DTLS transport that its SCTP transport reads.
  const dtls = {
    id: "verified",
    onStateChange: new Event(),
    iceTransport: { role: "controlled" },
    dataReceiver: () => {},
    sendData: (packet: Buffer) => {
      send(packet);
      return Promise.resolve();
    },
  };
  transport.setDtlsTransport(dtls as unknown as Dtls);
  const sctp = transport.sctp as unknown as WeriftSctp;
  sctp.onReceive.allUnsubscribe();
  sctp.onReconfigStreams.allUnsubscribe();
  return { sctp, start: (remotePort) => transport.start(remotePort) };
}
