/**
 * AEAD_AES_128_GCM (RFC 7714) by OpenSSL: the key is set up once, a packet costs five calls.
 *
 *   SRTP   | header, clear |  ciphertext  | tag 16 |                       associated data: the header
 *   SRTCP  | 8 bytes clear |  ciphertext  | tag 16 | E and index 4 |       associated data: the clear parts
 */
import { readU32, writeU32 } from "../base/bytes.ts";
import type { SrtpSessionKeys } from "../srtp/key-derivation.ts";
import { writeGcmRtcpNonce, writeGcmRtpNonce } from "../srtp/packet-nonces.ts";
import type { SrtpCipher } from "../srtp/srtp-cipher.ts";
import { CipherContext } from "./cipher-context.ts";
import {
  aes128Gcm,
  cipherFinal,
  cipherUpdate,
  clearErrors,
  decryptInit,
  encryptInit,
  getParameters,
  NULL,
  setParameters,
} from "./open-ssl.ts";
import {
  AAD_AT,
  IV_AT,
  loadPacket,
  memory,
  pointerTo,
  SIZE_AT,
  scratch,
  storePacket,
} from "./packet-memory.ts";
import { type PacketSlab, slabOf } from "./packet-slab.ts";
import { TAG_BYTES, tagAt } from "./tag-parameter.ts";
import { word } from "./word.ts";

const RTCP_CLEAR_BYTES = 8;
const RTCP_INDEX_BYTES = 4;
const RTCP_TRAILER_BYTES = TAG_BYTES + RTCP_INDEX_BYTES;
const RTCP_AAD_BYTES = RTCP_CLEAR_BYTES + RTCP_INDEX_BYTES;
const E_FLAG = 0x80000000;

export class GcmCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = RTCP_TRAILER_BYTES;
  readonly rtcpIndexFromEnd = RTCP_INDEX_BYTES;
  readonly #rtp: CipherContext;
  readonly #rtcp: CipherContext;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;

  constructor(keys: SrtpSessionKeys) {
    this.#rtp = new CipherContext(aes128Gcm(), keys.rtpKey);
    this.#rtcp = new CipherContext(aes128Gcm(), keys.rtcpKey);
    this.#rtpSalt = keys.rtpSalt;
    this.#rtcpSalt = keys.rtcpSalt;
  }

  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const slab = slabOf(buf, at, headerBytes, bytes);
    if (slab !== null) return this.#sealRtp(slab, at, headerBytes, bytes, roc);
    if (!loadPacket(buf, at, headerBytes, bytes)) return -1;
    const sealed = this.#sealRtp(scratch, 0, headerBytes, bytes, roc);
    if (sealed > 0) storePacket(buf, at, sealed);
    return sealed;
  }

  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    return this.sealRtp(buf, at, headerBytes, bytes, roc);
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const context = this.#rtp.pointer;
    const end = bytes - TAG_BYTES;
    if (end < headerBytes || !loadPacket(buf, at, headerBytes, bytes)) return -1;
    writeGcmRtpNonce(memory, IV_AT, this.#rtpSalt, memory, 0, roc);
    if (!open(context, pointerTo(0), headerBytes, headerBytes, end)) return -1;
    storePacket(buf, at, end);
    return end;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const context = this.#rtcp.pointer;
    if (!loadPacket(buf, at, RTCP_CLEAR_BYTES, bytes)) return -1;
    const indexAt = bytes + TAG_BYTES;
    writeU32(memory, indexAt, (E_FLAG | index) >>> 0);
    this.#setRtcpNonceAndAad(indexAt);
    if (!seal(context, pointerTo(AAD_AT), RTCP_AAD_BYTES, scratch, RTCP_CLEAR_BYTES, bytes)) return -1;
    storePacket(buf, at, bytes + RTCP_TRAILER_BYTES);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /**
   * Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). Its associated data
   * would be the whole packet (RFC 7714 §9.1), so its tag does not match.
   */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    const context = this.#rtcp.pointer;
    const end = bytes - RTCP_TRAILER_BYTES;
    if (end < RTCP_CLEAR_BYTES || !loadPacket(buf, at, RTCP_CLEAR_BYTES, bytes)) return -1;
    this.#setRtcpNonceAndAad(end + TAG_BYTES);
    if (!open(context, pointerTo(AAD_AT), RTCP_AAD_BYTES, RTCP_CLEAR_BYTES, end)) return -1;
    storePacket(buf, at, end);
    return end;
  }

  free(): void {
    this.#rtp.free();
    this.#rtcp.free();
  }

  #sealRtp(slab: PacketSlab, at: number, headerBytes: number, bytes: number, roc: number): number {
    writeGcmRtpNonce(memory, IV_AT, this.#rtpSalt, slab.bytes, at, roc);
    const aad = slab.pointerTo(at);
    const isSealed = seal(this.#rtp.pointer, aad, headerBytes, slab, at + headerBytes, at + bytes);
    return isSealed ? bytes + TAG_BYTES : -1;
  }

  #setRtcpNonceAndAad(indexAt: number): void {
    writeGcmRtcpNonce(memory, IV_AT, this.#rtcpSalt, memory, 0, readU32(memory, indexAt) & ~E_FLAG);
    for (let i = 0; i < RTCP_CLEAR_BYTES; i++) memory[AAD_AT + i] = memory[i]!;
    for (let i = 0; i < RTCP_INDEX_BYTES; i++) {
      memory[AAD_AT + RTCP_CLEAR_BYTES + i] = memory[indexAt + i]!;
    }
  }
}

/** Encrypts `slab.bytes[from, to)` in place and writes the tag behind it. */
function seal(
  context: bigint,
  aad: bigint,
  aadBytes: number,
  slab: PacketSlab,
  from: number,
  to: number,
): boolean {
  const size = pointerTo(SIZE_AT);
  const text = slab.pointerTo(from);
  const done =
    encryptInit(context, NULL, NULL, pointerTo(IV_AT)) === 1 &&
    cipherUpdate(context, NULL, size, aad, word(aadBytes)) === 1 &&
    cipherUpdate(context, text, size, text, word(to - from)) === 1 &&
    cipherFinal(context, text, size) === 1 &&
    getParameters(context, tagAt(slab.addressOf(to))) === 1;
  if (!done) clearErrors();
  return done;
}

/** Decrypts `memory[from, to)` in place; true if the tag behind it matches. */
function open(context: bigint, aad: bigint, aadBytes: number, from: number, to: number): boolean {
  const size = pointerTo(SIZE_AT);
  const text = pointerTo(from);
  const done =
    decryptInit(context, NULL, NULL, pointerTo(IV_AT)) === 1 &&
    setParameters(context, tagAt(scratch.addressOf(to))) === 1 &&
    cipherUpdate(context, NULL, size, aad, word(aadBytes)) === 1 &&
    cipherUpdate(context, text, size, text, word(to - from)) === 1 &&
    cipherFinal(context, text, size) === 1;
  // OpenSSL queues an error for a forged packet, which the next to read the queue, such as TLS, would report.
  if (!done) clearErrors();
  return done;
}
