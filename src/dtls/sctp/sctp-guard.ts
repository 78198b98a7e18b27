/**
 * Filters a peer's SCTP packets before werift sees them.
 *
 * werift's parser loops for ever on a length of zero, throws on what it does not know, and trusts what it reads: a SACK may
 * acknowledge what was never sent, in gaps so wide that counting them takes seconds. The peer is authenticated by its
 * certificate, but not trusted. So each packet is first read here, strictly, and werift gets it only if a correct peer could
 * have sent it at this moment. A dropped packet looks like a lost one.
 */
import { readU16, readU32 } from "../../base/bytes.ts";
import type { SctpDrop } from "../../base/data-counters.ts";
import { TokenBucket } from "../token-bucket.ts";
import {
  ABORT,
  COOKIE_ECHO,
  DATA,
  ERROR,
  FORWARD_TSN,
  HEARTBEAT,
  HEARTBEAT_ACK,
  hasRightChecksum,
  INIT,
  parsePacket,
  parseParameters,
  RE_CONFIG,
  RESET_REQUEST,
  RESET_RESPONSE,
  SACK,
  type SctpChunk,
  type SctpPacket,
  SHUTDOWN,
  tsnAhead,
} from "./sctp-packet.ts";
import { MAX_RESETS } from "./stream-reset.ts";

/**
 * Chunks of a peer that are processed: as many full packets carry 50 Mbit/s. Larger: one peer can take more of the thread,
 * 20 µs for each and 50 in the worst case. Smaller: peers that send much are slowed down, as a dropped packet counts as
 * lost.
 */
const CHUNKS = { burst: 3_000, perSecond: 6_000 };

/**
 * How far ahead of the first missing TSN data is accepted. Larger: each SACK has to go through more. 2,048 full packets are
 * more than the receive window; smaller would drop what was rightly sent after a loss.
 */
const MAX_TSN_AHEAD = 2_048;

/**
 * TSNs that one FORWARD-TSN may skip. A chunk has a byte at least, so no correct peer has more in flight than the window has
 * bytes, and after an outage it may give up all of them at once: smaller would drop that, and the association stood still.
 */
const MAX_SKIPPED_TSNS = 1_048_576;

/**
 * Chunks held for messages that are incomplete or out of order: a full window of full packets. Larger: tiny chunks cost a
 * hundred times their bytes. Smaller: a window of full packets after a loss is not kept.
 */
const MAX_HELD_CHUNKS = 1_024;

/** Bytes accepted beyond a closed window: a sender may probe it again and again (RFC 9260 §6.1 rule A). */
const MAX_OVERRUN_BYTES = 65_536;

/** INIT is retransmitted eight times at most (RFC 9260 §16). Each costs us a cookie. */
const MAX_INITS = 9;

/** werift's cookie: four bytes of time and a SHA-1 HMAC. */
const COOKIE_BYTES = 24;

/** Payload protocol identifiers of RFC 8831 §8: DCEP, string, binary, empty string, empty binary. */
const PPIDS: readonly number[] = [50, 51, 53, 56, 57];

const HEARTBEAT_INFO = 1;

/** What the guard has to know about the association. */
export interface AssociationState {
  readonly localPort: number;
  readonly remotePort: number;
  /** Verification tag of every packet to us but an INIT. */
  readonly localTag: number;
  readonly isEstablished: boolean;
  /** All TSNs up to it have arrived; undefined before INIT. */
  readonly cumulativeTsn: number | undefined;
  /** TSN of the next DATA chunk that we send: the peer cannot have received it or any later one. */
  readonly nextTsn: number;
  /** What the peer may still send; below zero when it sent more. */
  readonly windowBytes: number;
  /** Chunks kept because their message is incomplete or not due. */
  readonly heldChunks: number;
  /** Whether a TSN is missing below one that has arrived. */
  readonly hasHole: boolean;
  /** The cumulative TSN if all up to the given one had arrived: beyond what is kept behind it. */
  reach(cumulativeTsn: number): number;
}

/** `shutdown`: the peer ends the association in a way that werift handles badly, so the caller must end it. */
export type Verdict = "pass" | "shutdown" | SctpDrop;

export class SctpGuard {
  readonly #state: AssociationState;
  readonly #chunks: TokenBucket;
  #inits = 0;

  constructor(state: AssociationState, nowUs: number) {
    this.#state = state;
    this.#chunks = new TokenBucket(nowUs, CHUNKS);
  }

  check(nowUs: number, bytes: Uint8Array): Verdict {
    if (!this.#chunks.spend(nowUs)) return "rate";
    const packet = parsePacket(bytes);
    if (packet === undefined) return "malformed";
    const { chunks } = packet;
    // The token of the first chunk was spent above.
    if (!this.#chunks.spend(nowUs, chunks.length - 1)) return "rate";
    if (!hasRightChecksum(bytes)) return "checksum";
    if (!this.#isForUs(packet)) return "tag";
    let { cumulativeTsn } = this.#state;
    for (const chunk of chunks) {
      const verdict = this.#checkChunk(chunk, packet, cumulativeTsn);
      if (verdict !== "pass") return verdict;
      cumulativeTsn = this.#after(chunk, cumulativeTsn);
    }
    return "pass";
  }

  /**
   * The cumulative TSN after a chunk that passes. A peer fills the rest of a packet that repairs something with what it sends
   * next, which may be far ahead of what was missing.
   */
  #after({ type, value }: SctpChunk, cumulativeTsn: number | undefined): number | undefined {
    if (type !== DATA && type !== FORWARD_TSN) return cumulativeTsn;
    const tsn = readU32(value, 0);
    const ahead = tsnAhead(cumulativeTsn!, tsn);
    return ahead === 1 || (type === FORWARD_TSN && ahead > 0) ? this.#state.reach(tsn) : cumulativeTsn;
  }

  #isForUs({ sourcePort, destinationPort, verificationTag, chunks }: SctpPacket): boolean {
    const { localPort, remotePort, localTag } = this.#state;
    // INIT comes alone, and before tags are exchanged (RFC 9260 §8.5.1).
    const tag = chunks[0]!.type === INIT ? 0 : localTag;
    return sourcePort === remotePort && destinationPort === localPort && verificationTag === tag;
  }

  /** `cumulativeTsn`: after the previous chunks of the packet. */
  #checkChunk(chunk: SctpChunk, packet: SctpPacket, cumulativeTsn: number | undefined): Verdict {
    const { type, value } = chunk;
    if (type === INIT) return packet.chunks.length === 1 ? this.#checkInit(value) : "malformed";
    if (type === ABORT || type === ERROR) return parseParameters(value) === undefined ? "malformed" : "pass";
    const [first] = packet.chunks;
    // COOKIE ECHO may be followed by data (RFC 9260 §5.1 C).
    const mayCome = this.#state.isEstablished || first!.type === COOKIE_ECHO;
    if (cumulativeTsn === undefined || !mayCome) return "unexpected";
    switch (type) {
      case COOKIE_ECHO:
        return value.length === COOKIE_BYTES && chunk === first ? "pass" : "malformed";
      case DATA:
        return this.#checkData(value, cumulativeTsn);
      case SACK:
        return this.#checkSack(value);
      case HEARTBEAT:
      case HEARTBEAT_ACK:
        return checkHeartbeat(value);
      case RE_CONFIG:
        return checkReset(value);
      case FORWARD_TSN:
        return checkForwardTsn(value, cumulativeTsn);
      case SHUTDOWN:
        return value.length === 4 ? "shutdown" : "malformed";
      default:
        return "unknown_chunk";
    }
  }

  /** Tag, window, outbound and inbound streams, initial TSN, then parameters (RFC 9260 §3.3.2). */
  #checkInit(value: Uint8Array): Verdict {
    if (value.length < 16 || parseParameters(value.subarray(16)) === undefined) return "malformed";
    if (readU32(value, 0) === 0 || readU16(value, 8) === 0 || readU16(value, 10) === 0) return "malformed";
    // A peer that restarts (RFC 9260 §5.2) has lost its DTLS too, and gets another association.
    if (this.#state.isEstablished) return "unexpected";
    this.#inits += 1;
    return this.#inits > MAX_INITS ? "rate" : "pass";
  }

  /** TSN, stream, stream sequence number, payload protocol, user data (RFC 9260 §3.3.1). */
  #checkData(value: Uint8Array, cumulativeTsn: number): Verdict {
    if (value.length < 13) return "malformed";
    if (!PPIDS.includes(readU32(value, 8))) return "ppid";
    const ahead = tsnAhead(cumulativeTsn, readU32(value, 0));
    // A duplicate: acknowledged again, and not kept.
    if (ahead <= 0) return "pass";
    if (ahead > MAX_TSN_AHEAD) return "window";
    const { windowBytes, heldChunks } = this.#state;
    // The next chunk in order frees memory, by the message that it completes.
    const roomBytes = ahead === 1 ? windowBytes + MAX_OVERRUN_BYTES : windowBytes;
    const isBeyond = value.length - 12 > roomBytes || heldChunks >= this.#mostHeld(ahead);
    return isBeyond ? "window" : "pass";
  }

  /** The chunk that starts to fill a hole is let in beyond the limit: without it, what is held could never be delivered. */
  #mostHeld(ahead: number): number {
    return ahead === 1 && this.#state.hasHole ? MAX_HELD_CHUNKS + MAX_TSN_AHEAD : MAX_HELD_CHUNKS;
  }

  /** Cumulative TSN, window, numbers of gap blocks and of duplicates, then these (RFC 9260 §3.3.4). */
  #checkSack(value: Uint8Array): Verdict {
    if (value.length < 12) return "malformed";
    const gaps = readU16(value, 8);
    if (value.length !== 12 + 4 * (gaps + readU16(value, 10))) return "malformed";
    const outstanding = tsnAhead(readU32(value, 0), this.#state.nextTsn) - 1;
    if (outstanding < 0) return "sack";
    let lastEnd = 0;
    for (let at = 12; at < 12 + 4 * gaps; at += 4) {
      const [start, end] = [readU16(value, at), readU16(value, at + 2)];
      // Gap blocks ascend, do not touch, and are within what was sent.
      if (start <= lastEnd || end < start || end > outstanding) return "sack";
      lastEnd = end;
    }
    return "pass";
  }
}

function checkHeartbeat(value: Uint8Array): Verdict {
  const parameters = parseParameters(value);
  return parameters?.length === 1 && parameters[0]!.type === HEARTBEAT_INFO ? "pass" : "malformed";
}

/** One or two parameters (RFC 6525 §3.1), of the kinds that data channels use. */
function checkReset(value: Uint8Array): Verdict {
  const parameters = parseParameters(value);
  if (parameters === undefined || parameters.length === 0 || parameters.length > 2) return "malformed";
  for (const { type, value: body } of parameters) {
    if (type === RESET_REQUEST) {
      // Three numbers, then the streams. None would mean all, which no data channel asks for.
      const streams = (body.length - 12) / 2;
      if (!Number.isInteger(streams) || streams < 1 || streams > MAX_RESETS) return "malformed";
    } else if (type === RESET_RESPONSE) {
      if (body.length !== 8 && body.length !== 16) return "malformed";
    } else return "unexpected";
  }
  return "pass";
}

/** New cumulative TSN, then pairs of stream and sequence number (RFC 3758 §3.2): of a stream there may be several. */
function checkForwardTsn(value: Uint8Array, cumulativeTsn: number): Verdict {
  if (value.length < 4 || value.length % 4 !== 0) return "malformed";
  return tsnAhead(cumulativeTsn, readU32(value, 0)) > MAX_SKIPPED_TSNS ? "window" : "pass";
}
