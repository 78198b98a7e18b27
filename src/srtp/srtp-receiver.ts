/**
 * Receiving side of one SRTP session: index estimation, replay windows, a bounded number of streams (RFC 3711 §3.3).
 *
 * State changes only after a packet's tag has matched: a stream is created by its first authentic packet, and its index and
 * window move on only then. So spoofed packets cost one tag check each and change nothing.
 */
import { readU32 } from "../base/bytes.ts";
import { extendSeq } from "../base/sequence.ts";
import type { SrtpCipher } from "./srtp-cipher.ts";
import { StreamWindows } from "./stream-windows.ts";

/** The tag does not match, or the packet is too short to have one. */
export const SRTP_AUTH_FAILED = -1;
/** The index was received before, or is older than the window. */
export const SRTP_REPLAYED = -2;
/** Authentic, but of one stream more than the limit. */
export const SRTP_TOO_MANY_STREAMS = -3;

/**
 * SSRCs of one session, for RTP and RTCP each, those that have ended included. A video takes six, and a call of days may publish
 * anew ten thousand times. Without a limit an authenticated peer could fill memory with made-up SSRCs; these take 4 MB.
 */
const MAX_STREAMS = 65_536;

const SEQ_CYCLE = 2 ** 16;

const RTCP_HEADER_BYTES = 8;
const RTCP_INDEX_MASK = 0x7fffffff;

/** The fields used of a parsed header; `headerBytes` includes CSRCs and extensions and is within the packet. */
interface RtpHeaderFields {
  readonly ssrc: number;
  readonly seq: number;
  readonly headerBytes: number;
}

export class SrtpReceiver {
  /** Extended sequence number (the 48-bit index) of the packet that `openRtp` last opened. */
  lastExtSeq = 0;
  readonly #cipher: SrtpCipher;
  readonly #rtp: StreamWindows;
  readonly #rtcp: StreamWindows;

  constructor(cipher: SrtpCipher, maxStreams = MAX_STREAMS) {
    this.#cipher = cipher;
    this.#rtp = new StreamWindows(maxStreams);
    this.#rtcp = new StreamWindows(maxStreams);
  }

  /** Opens `packet[0, length)` in place. Returns the plaintext size, or one of the negative codes above. */
  openRtp(packet: Uint8Array, header: RtpHeaderFields, length: number): number {
    const { ssrc, seq, headerBytes } = header;
    const known = this.#rtp.get(ssrc);
    const window = known ?? this.#rtp.make(ssrc);
    const index = estimateIndex(window.highest, seq);
    if (!window.isFresh(index)) return SRTP_REPLAYED;

    const roc = Math.floor(index / SEQ_CYCLE);
    const plainBytes = this.#cipher.openRtp(packet, 0, headerBytes, length, roc);
    if (plainBytes < 0) return SRTP_AUTH_FAILED;

    if (known === undefined && !this.#rtp.add(ssrc, window)) return SRTP_TOO_MANY_STREAMS;
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
    const window = known ?? this.#rtcp.make(ssrc);
    if (!window.isFresh(index)) return SRTP_REPLAYED;

    const plainBytes = this.#cipher.openRtcp(packet, 0, length);
    if (plainBytes < 0) return SRTP_AUTH_FAILED;

    if (known === undefined && !this.#rtcp.add(ssrc, window)) return SRTP_TOO_MANY_STREAMS;
    window.mark(index);
    return plainBytes;
  }
}

/**
 * The index nearest to the highest authentic one whose low 16 bits are `seq` (RFC 3711 §3.3.1, appendix A). Where that
 * would be negative, `seq` itself: the sender's first rollover counter is 0. Before the first packet `highest` is -1.
 */
function estimateIndex(highest: number, seq: number): number {
  const index = extendSeq(highest, seq);
  return index < 0 ? seq : index;
}
