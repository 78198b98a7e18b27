/**
 * What SRTP needs from a crypto library: to seal (protect) and open (unprotect) a packet in place under one direction's keys.
 *
 * Implemented in `portable/` (node:crypto) and, where the platform has it, `native/`; one conformance suite tests both.
 * Index estimation, replay windows and policy are not here: see `srtp-receiver.ts` and `srtp-sender.ts`.
 */
import type { SrtpMasterKey, SrtpProfile } from "../contract/dtls.ts";

export interface SrtpCipher {
  /** Bytes that sealing adds to an RTP packet: 10 (HMAC-SHA1-80) or 16 (GCM). */
  readonly rtpTagBytes: number;
  /** Bytes that sealing adds to an RTCP packet: the tag and the 4-byte E flag and index word. */
  readonly rtcpTrailerBytes: number;
  /** How far before the packet's end that word starts: HMAC profiles have it before the tag (RFC 3711 §3.4), AEAD after. */
  readonly rtcpIndexFromEnd: number;

  /**
   * Encrypts `buf[at + headerBytes, at + bytes)` in place and appends the tag; `buf` has room for it.
   * `roc` is the rollover counter, 32 bits. Returns the new size, or -1 when the library fails: `buf` may then still hold
   * plaintext and must not be sent.
   */
  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number;

  /**
   * As `sealRtp`, but the tag may be missing until the factory's `finishSealing`: a body may be quicker with several packets
   * at once, of whatever ciphers. Until then the packet must stay where it is and as it is, and may not be sent.
   */
  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number;

  /** The reverse. Returns the plaintext size, or -1 when the tag does not match (`buf` is then unspecified). */
  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number;

  /** Seals a compound RTCP packet whose first 8 bytes stay clear; `index` is 31 bits. Returns as `sealRtp`. */
  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number;

  /** The reverse; `bytes` includes the trailer with the index. Returns the plaintext size, or -1 when the tag does not match. */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number;

  /** Frees what is held outside the heap. May be called again; no other method may be called afterwards. */
  free(): void;
}

export interface SrtpCipherFactory {
  /** Master key and salt of one direction; session keys are derived inside (RFC 3711 §4.3). */
  create(profile: SrtpProfile, master: SrtpMasterKey): SrtpCipher;

  /** Every packet that ciphers of this thread began to seal has its tag when this returns. */
  finishSealing(): void;

  /** Library contexts that the ciphers of this thread hold outside the heap until `free`. */
  contexts(): number;
}
