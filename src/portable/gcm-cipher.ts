/**
 * AEAD_AES_128_GCM (RFC 7714).
 *
 *   SRTP   | header, clear |  ciphertext  | tag 16 |                       associated data: the header
 *   SRTCP  | 8 bytes clear |  ciphertext  | tag 16 | E and index 4 |       associated data: the clear parts
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { readU32, writeU32 } from "../base/bytes.ts";
import type { SrtpSessionKeys } from "../srtp/key-derivation.ts";
import { GCM_NONCE_BYTES, writeGcmRtcpNonce, writeGcmRtpNonce } from "../srtp/packet-nonces.ts";
import type { SrtpCipher } from "../srtp/srtp-cipher.ts";

const ALGORITHM = "aes-128-gcm";
const TAG_BYTES = 16;
const TAG = { authTagLength: TAG_BYTES };

const RTCP_CLEAR_BYTES = 8;
const RTCP_INDEX_BYTES = 4;
const RTCP_TRAILER_BYTES = TAG_BYTES + RTCP_INDEX_BYTES;
const E_FLAG = 0x80000000;

export class GcmCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = RTCP_TRAILER_BYTES;
  readonly rtcpIndexFromEnd = RTCP_INDEX_BYTES;
  readonly #rtpKey: KeyObject;
  readonly #rtcpKey: KeyObject;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;
  readonly #nonce = new Uint8Array(GCM_NONCE_BYTES);
  readonly #rtcpAad = new Uint8Array(RTCP_CLEAR_BYTES + RTCP_INDEX_BYTES);

  constructor(keys: SrtpSessionKeys) {
    this.#rtpKey = createSecretKey(keys.rtpKey);
    this.#rtcpKey = createSecretKey(keys.rtcpKey);
    this.#rtpSalt = keys.rtpSalt;
    this.#rtcpSalt = keys.rtcpSalt;
  }

  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    writeGcmRtpNonce(this.#nonce, 0, this.#rtpSalt, buf, at, roc);
    const aad = buf.subarray(at, at + headerBytes);
    seal(this.#rtpKey, this.#nonce, aad, buf, at + headerBytes, at + bytes);
    return bytes + TAG_BYTES;
  }

  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    return this.sealRtp(buf, at, headerBytes, bytes, roc);
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    if (bytes < headerBytes + TAG_BYTES) return -1;
    writeGcmRtpNonce(this.#nonce, 0, this.#rtpSalt, buf, at, roc);
    const aad = buf.subarray(at, at + headerBytes);
    const end = at + bytes - TAG_BYTES;
    return open(this.#rtpKey, this.#nonce, aad, buf, at + headerBytes, end) ? bytes - TAG_BYTES : -1;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const end = at + bytes;
    writeU32(buf, end + TAG_BYTES, (E_FLAG | index) >>> 0);
    this.#setRtcpNonceAndAad(buf, at, end + TAG_BYTES);
    seal(this.#rtcpKey, this.#nonce, this.#rtcpAad, buf, at + RTCP_CLEAR_BYTES, end);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /**
   * Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). Its associated data
   * would be the whole packet (RFC 7714 §9.1), so its tag does not match.
   */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    if (bytes < RTCP_CLEAR_BYTES + RTCP_TRAILER_BYTES) return -1;
    const end = at + bytes - RTCP_TRAILER_BYTES;
    const indexAt = end + TAG_BYTES;
    this.#setRtcpNonceAndAad(buf, at, indexAt);
    const opened = open(this.#rtcpKey, this.#nonce, this.#rtcpAad, buf, at + RTCP_CLEAR_BYTES, end);
    return opened ? bytes - RTCP_TRAILER_BYTES : -1;
  }

  /** Keys and contexts here belong to the garbage collector. */
  free(): void {}

  #setRtcpNonceAndAad(buf: Uint8Array, at: number, indexAt: number): void {
    writeGcmRtcpNonce(this.#nonce, 0, this.#rtcpSalt, buf, at, readU32(buf, indexAt) & ~E_FLAG);
    const aad = this.#rtcpAad;
    for (let i = 0; i < RTCP_CLEAR_BYTES; i++) aad[i] = buf[at + i]!;
    for (let i = 0; i < RTCP_INDEX_BYTES; i++) aad[RTCP_CLEAR_BYTES + i] = buf[indexAt + i]!;
  }
}

/** Encrypts `buf[from, to)` in place and writes the tag behind it. */
function seal(
  key: KeyObject,
  nonce: Uint8Array,
  aad: Uint8Array,
  buf: Uint8Array,
  from: number,
  to: number,
): void {
  const cipher = createCipheriv(ALGORITHM, key, nonce, TAG);
  cipher.setAAD(aad);
  buf.set(cipher.update(buf.subarray(from, to)), from);
  cipher.final();
  buf.set(cipher.getAuthTag(), to);
}

/** Decrypts `buf[from, to)` in place if the tag behind it matches. */
function open(
  key: KeyObject,
  nonce: Uint8Array,
  aad: Uint8Array,
  buf: Uint8Array,
  from: number,
  to: number,
): boolean {
  const decipher = createDecipheriv(ALGORITHM, key, nonce, TAG);
  decipher.setAAD(aad);
  decipher.setAuthTag(buf.subarray(to, to + TAG_BYTES));
  const plain = decipher.update(buf.subarray(from, to));
  try {
    decipher.final();
  } catch {
    // The only way node:crypto reports a tag that does not match; it compares in constant time.
    return false;
  }
  buf.set(plain, from);
  return true;
}
