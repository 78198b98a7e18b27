/**
 * Sending side of one SRTP session: which packet indices may still be used under its key (RFC 3711 §3.3, §9.1).
 *
 * Invariant: no (SSRC, index) pair is sealed twice. Both profiles derive the nonce from that pair; two packets sealed under
 * one nonce reveal the XOR of their plaintexts and, with GCM, the authentication key. Therefore
 *
 *  - the rollover counter comes from the caller's `extSeq` and is never estimated, so no jump can repeat an index;
 *  - a window per SSRC remembers which of the latest indices were sealed, and anything older than it is refused;
 *  - an SSRC is never forgotten while the key lives: `retire` closes it for good.
 *
 * Packets may be sealed out of order (late ones fill the gaps that were kept for them). A retransmission has its own
 * SSRC and numbers (RFC 4588), so it is a packet like any other.
 */
import { readU16, readU32 } from "../base/bytes.ts";
import { ReplayWindow } from "./replay-window.ts";
import { RetiredSsrcs } from "./retired-ssrcs.ts";
import type { SrtpCipher } from "./srtp-cipher.ts";

/** Sealing refused: the index was used, is too old, out of range, or not the header's. Nothing was written. */
export const SRTP_REFUSED = -1;

/**
 * How many indices behind the highest a packet may be sealed. Browsers accept packets up to 1,024 late, so a larger window
 * would gain nothing; a smaller one would refuse packets that came late to us (a second of video is some 500).
 */
const LATE_PACKETS = 1024;

/** Indices a key may protect: 2^48 RTP packets of an SSRC, 2^31 RTCP packets (RFC 3711 §9.2). */
const RTP_INDEX_END = 2 ** 48;
const RTCP_INDEX_END = 2 ** 31;
const SEQ_CYCLE = 2 ** 16;

/** Stands for every retired SSRC: no index lies above the highest, and all below are too old. */
const RETIRED = new ReplayWindow(64);
RETIRED.mark(RTP_INDEX_END + 64);

export class SrtpSender {
  readonly #cipher: SrtpCipher;
  readonly #streams = new Map<number, ReplayWindow>();
  readonly #retired = new RetiredSsrcs();
  /** Of the latest packet: packets of one SSRC come in runs. */
  #lastSsrc = -1;
  #lastWindow = RETIRED;
  /** One counter for all RTCP of the session, hence unique for each SSRC. */
  #rtcpIndex: number;

  /** `rtcpIndex`: of the first compound packet. */
  constructor(cipher: SrtpCipher, rtcpIndex = 0) {
    this.#cipher = cipher;
    this.#rtcpIndex = rtcpIndex;
  }

  /**
   * Seals the RTP packet `buf[at, at + bytes)` in place; `buf` has room for the tag. Returns the new size, or
   * SRTP_REFUSED.
   *
   * The low 16 bits of `extSeq` must be the header's sequence number. A receiver assumes rollover counter 0 at first and
   * follows steps below 2^15: let a stream start below 2^15 and never jump that far.
   */
  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, extSeq: number): number {
    if (!this.#spend(buf, at, extSeq)) return SRTP_REFUSED;
    return this.#cipher.sealRtp(buf, at, headerBytes, bytes, Math.floor(extSeq / SEQ_CYCLE));
  }

  /** As `sealRtp`, but the packet may not be sent before `SrtpCipherFactory.finishSealing`: see `SrtpCipher.beginSealRtp`. */
  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, extSeq: number): number {
    if (!this.#spend(buf, at, extSeq)) return SRTP_REFUSED;
    return this.#cipher.beginSealRtp(buf, at, headerBytes, bytes, Math.floor(extSeq / SEQ_CYCLE));
  }

  /** Seals the compound packet `buf[at, at + bytes)` in place. Returns the new size, or SRTP_REFUSED at the key's end. */
  sealRtcp(buf: Uint8Array, at: number, bytes: number): number {
    if (this.#rtcpIndex >= RTCP_INDEX_END) return SRTP_REFUSED;
    return this.#cipher.sealRtcp(buf, at, bytes, this.#rtcpIndex++);
  }

  /** The stream has ended: frees its window; nothing more can be sealed for this SSRC under this key. */
  retire(ssrc: number): void {
    this.#streams.delete(ssrc);
    this.#retired.add(ssrc);
    this.#lastSsrc = -1;
  }

  /** Marks the index of the packet at `at` as used; false when it may not be. */
  #spend(buf: Uint8Array, at: number, extSeq: number): boolean {
    if (!(extSeq >= 0 && extSeq < RTP_INDEX_END)) return false;
    if (readU16(buf, at + 2) !== extSeq % SEQ_CYCLE) return false;
    const window = this.#stream(readU32(buf, at + 8));
    if (!window.isFresh(extSeq)) return false;
    window.mark(extSeq);
    return true;
  }

  #stream(ssrc: number): ReplayWindow {
    if (ssrc === this.#lastSsrc) return this.#lastWindow;
    let window = this.#streams.get(ssrc);
    if (window === undefined) {
      if (this.#retired.has(ssrc)) return RETIRED;
      window = new ReplayWindow(LATE_PACKETS);
      this.#streams.set(ssrc, window);
    }
    this.#lastSsrc = ssrc;
    this.#lastWindow = window;
    return window;
  }
}
