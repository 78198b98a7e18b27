/**
 * Receiving side of one SRTP session: index estimation, replay windows, a bounded number of streams (RFC 3711 §3.3).
 *
 * Nothing that a packet says is believed before its tag has matched: a stream gets its state with its first authentic
 * packet, and index and window move on only then. So spoofed packets cost one tag check each and change nothing.
 */
import { readU32 } from "../base/bytes.ts";
import { extendSeq } from "../base/sequence.ts";
import { ReplayWindow } from "./replay-window.ts";
import type { SrtpCipher } from "./srtp-cipher.ts";

/** The tag does not match, or the packet is too short to have one. */
export const SRTP_AUTH_FAILED = -1;
/** The index was received before, or is older than the window. */
export const SRTP_REPLAYED = -2;
/** An authentic packet of one stream more than the limit. */
export const SRTP_TOO_MANY_STREAMS = -3;

/**
 * Packets that may arrive out of order, as libwebrtc has it. A publisher without RTX (libdatachannel, hence OBS) repeats a
 * packet under its own number, and a key frame passes meanwhile: fewer would take the repair for a replay (RFC 3711 §3.3.2
 * asks for 64 at least). More cost a bit each, and reach beyond the second for which repairs are asked.
 */
const REPLAY_PACKETS = 1024;

/**
 * SSRCs of one session, counted apart for RTP and RTCP, those that have ended included: packets of a stream that was
 * forgotten could be replayed. A video takes six, and a long call publishes some tens; an authenticated peer that made
 * SSRCs up would fill memory without a limit.
 */
const DEFAULT_LIMITS: SrtpReceiverLimits = { maxStreams: 1024 };

const SEQ_CYCLE = 2 ** 16;

const RTCP_HEADER_BYTES = 8;
const RTCP_INDEX_MASK = 0x7fffffff;

export interface SrtpReceiverLimits {
  readonly maxStreams: number;
}

/** What is read of an RTP header; `headerBytes` includes CSRCs and extensions and was checked against the length. */
interface RtpHeaderFields {
  readonly ssrc: number;
  readonly seq: number;
  readonly headerBytes: number;
}

export class SrtpReceiver {
  /** Extended sequence number (the 48-bit index) of the packet that `openRtp` last opened. */
  lastExtSeq = 0;
  readonly #cipher: SrtpCipher;
  readonly #limits: SrtpReceiverLimits;
  readonly #rtp = new Map<number, ReplayWindow>();
  readonly #rtcp = new Map<number, ReplayWindow>();

  constructor(cipher: SrtpCipher, limits: SrtpReceiverLimits = DEFAULT_LIMITS) {
    this.#cipher = cipher;
    this.#limits = limits;
  }

  /** Opens `packet[0, length)` in place. Returns the plaintext size, or one of the negative codes above. */
  openRtp(packet: Uint8Array, header: RtpHeaderFields, length: number): number {
    const { ssrc, seq, headerBytes } = header;
    const known = this.#rtp.get(ssrc);
    const index = known === undefined ? seq : estimateIndex(known.highest, seq);
    if (known !== undefined && !known.isFresh(index)) return SRTP_REPLAYED;

    const roc = Math.floor(index / SEQ_CYCLE);
    const plainBytes = this.#cipher.openRtp(packet, 0, headerBytes, length, roc);
    if (plainBytes < 0) return SRTP_AUTH_FAILED;

    const window = known ?? this.#add(this.#rtp, ssrc);
    if (window === undefined) return SRTP_TOO_MANY_STREAMS;
    window.mark(index);
    this.lastExtSeq = index;
    return plainBytes;
  }

  /** Opens the compound packet `packet[0, length)` in place. Returns its plaintext size, or a negative code. */
  openRtcp(packet: Uint8Array, length: number): number {
    if (length < RTCP_HEADER_BYTES + this.#cipher.rtcpTrailerBytes) return SRTP_AUTH_FAILED;
    const ssrc = readU32(packet, 4);
    const index = readU32(packet, length - this.#cipher.rtcpIndexFromEnd) & RTCP_INDEX_MASK;
    const known = this.#rtcp.get(ssrc);
    if (known !== undefined && !known.isFresh(index)) return SRTP_REPLAYED;

    const plainBytes = this.#cipher.openRtcp(packet, 0, length);
    if (plainBytes < 0) return SRTP_AUTH_FAILED;

    const window = known ?? this.#add(this.#rtcp, ssrc);
    if (window === undefined) return SRTP_TOO_MANY_STREAMS;
    window.mark(index);
    return plainBytes;
  }

  #add(streams: Map<number, ReplayWindow>, ssrc: number): ReplayWindow | undefined {
    if (streams.size >= this.#limits.maxStreams) return undefined;
    const window = new ReplayWindow(REPLAY_PACKETS);
    streams.set(ssrc, window);
    return window;
  }
}

/**
 * The index nearest to the highest authentic one that reads `seq` on the wire (RFC 3711 §3.3.1, appendix A). Where that
 * would lie before the stream's start, `seq` itself: the sender's first rollover counter is 0.
 */
function estimateIndex(highest: number, seq: number): number {
  const index = extendSeq(highest, seq);
  return index < 0 ? seq : index;
}
