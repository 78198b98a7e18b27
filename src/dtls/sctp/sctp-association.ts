/**
 * One SCTP association over one DTLS association (RFC 8261): packets in and out, messages out and in.
 *
 * werift does timers and retransmissions; the guard filters what it receives, and its errors are corrected. Whatever goes
 * wrong inside ends this association and no other.
 */
import type { DataEndReason, SctpDrop } from "../../base/data-counters.ts";
import { acknowledge, correct } from "./sctp-corrections.ts";
import { type AssociationState, SctpGuard } from "./sctp-guard.ts";
import { StreamReset } from "./stream-reset.ts";
import { ESTABLISHED, type OpenedSctp, openWeriftSctp, type WeriftSctp } from "./werift-sctp.ts";

/**
 * Receive window: what a peer may have in flight, together with what waits for control. Larger: more memory for each peer.
 * Smaller: slower over long paths; a megabyte carries 80 Mbit/s at a round trip of 100 ms.
 */
const RECEIVE_WINDOW_BYTES = 1_048_576;

/**
 * Limit of the congestion window. Larger: more memory, and larger bursts after a pause. Smaller: slower over long paths;
 * this carries 40 Mbit/s at a round trip of 100 ms.
 */
const MAX_CONGESTION_WINDOW_BYTES = 524_288;

/**
 * Chunks that may wait in werift for the congestion window; the rest waits where channels take turns. Larger: a message
 * waits longer behind another channel's. Smaller: the window is not filled in one turn.
 */
const MAX_WAITING_CHUNKS = 32;

/**
 * Chunks in flight: more than the congestion window has full packets. Each SACK is compared with all of them. Larger: a peer
 * that acknowledges all but the first makes us keep, and compare, as many. Smaller: short messages take more round trips.
 */
const MAX_UNACKNOWLEDGED_CHUNKS = 2_048;

/**
 * Interval of window probes: the SACK by which a peer reopens its window may be lost (RFC 9260 §6.1 rule A). Larger: the
 * peer is served later. Smaller: more packets to peers that want none.
 */
const WINDOW_PROBE_US = 1_000_000;

export interface SctpEvents {
  send(packet: Uint8Array): void;
  established(): void;
  message(streamId: number, ppid: number, payload: Uint8Array): void;
  /** The peer has reset these streams: nothing more comes on them. */
  peerReset(streamIds: readonly number[]): void;
  /** There is room for further messages. */
  ready(): void;
  dropped(reason: SctpDrop): void;
  /** Called last, once, and not after `close()`. */
  ended(reason: DataEndReason): void;
}

export interface Reliability {
  readonly ordered: boolean;
  readonly maxRetransmits: number | null;
  /** On the monotonic clock of `performance.now()`. */
  readonly expiresAtMs: number | null;
}

export class SctpAssociation {
  readonly #sctp: WeriftSctp;
  readonly #guard: SctpGuard;
  readonly #reset: StreamReset;
  readonly #events: SctpEvents;
  #isOpen = true;
  #read: Promise<void> = Promise.resolve();
  /** Since when the peer's window has been closed with nothing in flight; undefined while it is not. */
  #stuckSinceUs: number | undefined;

  constructor(nowUs: number, remotePort: number, events: SctpEvents) {
    this.#events = events;
    const opened = openWeriftSctp((packet) => events.send(packet));
    this.#sctp = opened.sctp;
    this.#guard = new SctpGuard(new GuardedState(this.#sctp, remotePort), nowUs);
    correct(this.#sctp, () => {
      this.#sctp.cwnd = Math.min(this.#sctp.cwnd, MAX_CONGESTION_WINDOW_BYTES);
      this.#reset.onAcknowledged();
      if (this.isReady) events.ready();
    });
    this.#reset = new StreamReset(this.#sctp, {
      peerReset: (streamIds) => events.peerReset(streamIds),
      answered: () => {
        if (this.isReady) events.ready();
      },
    });
    this.#start(opened, remotePort);
  }

  /**
   * werift reads a packet in several asynchronous steps, and the next packet waits for them: otherwise all packets of a turn
   * would get one SACK.
   */
  receive(nowUs: number, packet: Uint8Array): void {
    this.#read = this.#read.then(() => this.#readPacket(nowUs, packet)).catch(() => this.end("fault"));
  }

  /** Call regularly. */
  tick(nowUs: number): void {
    const sctp = this.#sctp;
    void acknowledge(sctp);
    const isStuck = sctp.peerAdvertisedRwnd === 0 && sctp.flightSize === 0 && sctp.outboundQueue.length > 0;
    if (!isStuck) this.#stuckSinceUs = undefined;
    else if (this.#stuckSinceUs === undefined) this.#stuckSinceUs = nowUs;
    else if (nowUs - this.#stuckSinceUs >= WINDOW_PROBE_US) {
      this.#stuckSinceUs = nowUs;
      sctp.peerAdvertisedRwnd = 1;
      void sctp.transmit();
    }
  }

  get isReady(): boolean {
    const { outboundQueue, sentQueue } = this.#sctp;
    return (
      this.#isOpen &&
      outboundQueue.length < MAX_WAITING_CHUNKS &&
      sentQueue.length < MAX_UNACKNOWLEDGED_CHUNKS
    );
  }

  /** `payload` is read later, so it must not change; it must not be empty (see RFC 8831 §6.6). */
  send(streamId: number, ppid: number, payload: Uint8Array, reliability: Reliability): void {
    const { ordered, maxRetransmits, expiresAtMs } = reliability;
    const message = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    void this.#sctp.send(streamId, ppid, message, {
      ordered,
      maxRetransmits: maxRetransmits ?? undefined,
      expiry: expiresAtMs === null ? undefined : expiresAtMs / 1000,
    });
  }

  /** Resets our direction of the stream: nothing may be sent on it until `maySend` returns true. */
  resetStream(streamId: number): void {
    this.#reset.request(streamId);
  }

  /** Whether the stream is not being reset. `ready` is called when a stream may be used again. */
  maySend(streamId: number): boolean {
    return !this.#reset.isUnderWay(streamId);
  }

  /** A received message stays in memory: the peer's window is smaller by as much until `release()`. */
  hold(bytes: number): void {
    this.#sctp.advertisedRwnd -= bytes;
  }

  release(bytes: number): void {
    const before = this.#sctp.advertisedRwnd;
    this.#sctp.advertisedRwnd = Math.min(before + bytes, RECEIVE_WINDOW_BYTES);
    // A peer that was given a small window waits for a SACK with a larger one.
    if (before >= RECEIVE_WINDOW_BYTES / 2 || !this.#isOpen || this.#sctp.lastReceivedTsn === undefined)
      return;
    this.#sctp.sackNeeded = true;
    void acknowledge(this.#sctp);
  }

  /** Aborts. No event follows. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    void this.#sctp.stop();
  }

  /** Aborts, and reports why. */
  end(reason: DataEndReason): void {
    if (!this.#isOpen) return;
    this.close();
    this.#events.ended(reason);
  }

  #readPacket(nowUs: number, packet: Uint8Array): Promise<void> | undefined {
    if (!this.#isOpen) return undefined;
    const verdict = this.#guard.check(nowUs, packet);
    if (verdict === "shutdown") this.end("peer_closed");
    else if (verdict !== "pass") this.#events.dropped(verdict);
    else {
      const { buffer, byteOffset, length } = packet;
      return this.#sctp.handleData(Buffer.from(buffer, byteOffset, length));
    }
    return undefined;
  }

  #start(opened: OpenedSctp, remotePort: number): void {
    const sctp = this.#sctp;
    sctp.advertisedRwnd = RECEIVE_WINDOW_BYTES;
    sctp.onReceive.subscribe((streamId, ppid, message) => {
      if (this.#isOpen) this.#events.message(streamId, ppid, message);
    });
    sctp.stateChanged.connected.subscribe(() => this.#events.established());
    sctp.stateChanged.closed.subscribe(() => this.end("peer_closed"));
    void opened.start(remotePort);
  }
}

/** The state of werift's association, for the guard. */
class GuardedState implements AssociationState {
  readonly remotePort: number;
  readonly #sctp: WeriftSctp;

  constructor(sctp: WeriftSctp, remotePort: number) {
    this.#sctp = sctp;
    this.remotePort = remotePort;
  }

  get localPort(): number {
    return this.#sctp.localPort;
  }

  get localTag(): number {
    return this.#sctp.localVerificationTag;
  }

  get isEstablished(): boolean {
    return this.#sctp.associationState === ESTABLISHED;
  }

  get cumulativeTsn(): number | undefined {
    return this.#sctp.lastReceivedTsn;
  }

  get nextTsn(): number {
    return this.#sctp.outboundQueue[0]?.tsn ?? this.#sctp.localTsn;
  }

  get windowBytes(): number {
    return this.#sctp.advertisedRwnd;
  }

  get heldChunks(): number {
    let chunks = 0;
    for (const stream of Object.values(this.#sctp.inboundStreams)) chunks += stream.heldChunks;
    return chunks;
  }

  get hasHole(): boolean {
    return this.#sctp.sackMisOrdered.size > 0;
  }

  reach(cumulativeTsn: number): number {
    return this.#sctp.sackMisOrdered.reach(cumulativeTsn);
  }
}
