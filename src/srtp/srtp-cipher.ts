/**
 * The one thing SRTP needs from a crypto library: to seal and open a packet in place under one direction's keys.
 *
 * Bodies live in `portable/` (node:crypto) and, where the platform has it, `native/`; one conformance suite holds
 * both. Index estimation, replay windows and policy are not here: see `srtp-receiver.ts` and `srtp-sender.ts`.
 */
import type { SrtpMasterKey, SrtpProfile } from "../contract/dtls.ts";

export interface SrtpCipher {
  /** Bytes that sealing adds to an RTP packet: 10 (HMAC-SHA1-80) or 16 (GCM). */
  readonly rtpTagBytes: number;
  /** Bytes that sealing adds to an RTCP packet: the tag and the 4-byte E flag and index word. */
  readonly rtcpTrailerBytes: number;
  /** Where that word starts, from the packet's end: HMAC profiles have it before the tag (RFC 3711 §3.4), AEAD after. */
  readonly rtcpIndexFromEnd: number;

  /**
   * Encrypts `buf[at + headerBytes, at + bytes)` in place and appends the tag; `buf` has room for it.
   * `roc` is the rollover counter, 32 bits. Returns the new size, or -1 when the library fails: the caller then sends
   * nothing of `buf`, which may be in part as it was.
   */
  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number;

  /** The reverse. Returns the plaintext size, or -1 when the tag does not match (`buf` is then unspecified). */
  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number;

  /** Seals a compound RTCP packet whose first 8 bytes stay clear; `index` is 31 bits. Returns as `sealRtp`. */
  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number;

  /** The reverse; `bytes` includes the trailer, in which the caller has read the index. -1 when forged. */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number;

  /** Frees what the body holds outside the heap. No method but this one may be called after it. */
  free(): void;
}

export interface SrtpCipherFactory {
  /** Master key and salt of one direction; session keys are derived inside (RFC 3711 §4.3). */
  create(profile: SrtpProfile, master: SrtpMasterKey): SrtpCipher;

  /** How many contexts of a library ciphers of this thread hold outside the heap; `free` lets go of them. */
  contexts(): number;
}
