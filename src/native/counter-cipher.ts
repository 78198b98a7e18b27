/**
 * AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1, §8.2) by OpenSSL: keys are set up once, a packet costs four calls.
 *
 *   SRTP   | header, clear |  ciphertext  | tag 10 |                       tag over: the packet and the 4-byte ROC
 *   SRTCP  | 8 bytes clear |  ciphertext  | E and index 4 | tag 10 |       tag over: all before it
 */
import { readU16, readU32, writeU16, writeU32 } from "../base/bytes.ts";
import type { SrtpSessionKeys } from "../srtp/key-derivation.ts";
import { writeRtcpCounterBlock, writeRtpCounterBlock } from "../srtp/packet-nonces.ts";
import type { SrtpCipher } from "../srtp/srtp-cipher.ts";
import { CipherContext } from "./cipher-context.ts";
import { HmacSha1, hashWord } from "./hmac-sha1.ts";
import { aes128Ctr, cipherUpdate, clearErrors, encryptInit, NULL } from "./open-ssl.ts";
import { IV_AT, loadPacket, memory, pointerTo, SIZE_AT, scratch, storePacket } from "./packet-memory.ts";
import { type PacketSlab, slabOf } from "./packet-slab.ts";
import { word } from "./word.ts";

const TAG_BYTES = 10;
const ROC_BYTES = 4;

const RTCP_CLEAR_BYTES = 8;
const RTCP_INDEX_BYTES = 4;
const RTCP_TRAILER_BYTES = RTCP_INDEX_BYTES + TAG_BYTES;
const E_FLAG = 0x80000000;

export class CounterCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = RTCP_TRAILER_BYTES;
  readonly rtcpIndexFromEnd = RTCP_TRAILER_BYTES;
  readonly #rtp: CipherContext;
  readonly #rtcp: CipherContext;
  readonly #rtpHmac: HmacSha1;
  readonly #rtcpHmac: HmacSha1;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;

  constructor(keys: SrtpSessionKeys) {
    this.#rtp = new CipherContext(aes128Ctr(), keys.rtpKey);
    this.#rtcp = new CipherContext(aes128Ctr(), keys.rtcpKey);
    this.#rtpHmac = new HmacSha1(keys.rtpAuthKey);
    this.#rtcpHmac = new HmacSha1(keys.rtcpAuthKey);
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
    writeU32(memory, end, roc);
    if (!this.#rtpHmac.hash(scratch, 0, end + ROC_BYTES) || !tagMatches(buf, at + end)) return -1;
    writeRtpCounterBlock(memory, IV_AT, this.#rtpSalt, memory, 0, roc);
    if (!crypt(context, scratch, headerBytes, end)) return -1;
    storePacket(buf, at, end);
    return end;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const context = this.#rtcp.pointer;
    if (!loadPacket(buf, at, RTCP_CLEAR_BYTES, bytes)) return -1;
    writeRtcpCounterBlock(memory, IV_AT, this.#rtcpSalt, memory, 0, index);
    if (!crypt(context, scratch, RTCP_CLEAR_BYTES, bytes)) return -1;
    writeU32(memory, bytes, (E_FLAG | index) >>> 0);
    const tagAt = bytes + RTCP_INDEX_BYTES;
    if (!this.#rtcpHmac.hash(scratch, 0, tagAt)) return -1;
    writeTag(memory, tagAt);
    storePacket(buf, at, bytes + RTCP_TRAILER_BYTES);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /** Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    const context = this.#rtcp.pointer;
    const end = bytes - RTCP_TRAILER_BYTES;
    const tagAt = end + RTCP_INDEX_BYTES;
    if (end < RTCP_CLEAR_BYTES || !loadPacket(buf, at, RTCP_CLEAR_BYTES, bytes)) return -1;
    const word = readU32(memory, end);
    if (word < E_FLAG || !this.#rtcpHmac.hash(scratch, 0, tagAt) || !tagMatches(buf, at + tagAt)) return -1;
    writeRtcpCounterBlock(memory, IV_AT, this.#rtcpSalt, memory, 0, word & ~E_FLAG);
    if (!crypt(context, scratch, RTCP_CLEAR_BYTES, end)) return -1;
    storePacket(buf, at, end);
    return end;
  }

  free(): void {
    this.#rtp.free();
    this.#rtcp.free();
  }

  #sealRtp(slab: PacketSlab, at: number, headerBytes: number, bytes: number, roc: number): number {
    const end = at + bytes;
    writeRtpCounterBlock(memory, IV_AT, this.#rtpSalt, slab.bytes, at, roc);
    if (!crypt(this.#rtp.pointer, slab, at + headerBytes, end)) return -1;
    writeU32(slab.bytes, end, roc);
    if (!this.#rtpHmac.hash(slab, at, bytes + ROC_BYTES)) return -1;
    writeTag(slab.bytes, end);
    return bytes + TAG_BYTES;
  }
}

/** Encrypts or decrypts `slab.bytes[from, to)` in place: counter mode is its own inverse. */
function crypt(context: bigint, slab: PacketSlab, from: number, to: number): boolean {
  const text = slab.pointerTo(from);
  const done =
    encryptInit(context, NULL, NULL, pointerTo(IV_AT)) === 1 &&
    cipherUpdate(context, text, pointerTo(SIZE_AT), text, word(to - from)) === 1;
  if (!done) clearErrors();
  return done;
}

/** The first ten bytes of the hash, to `out[at]`. */
function writeTag(out: Uint8Array, at: number): void {
  writeU32(out, at, hashWord(0));
  writeU32(out, at + 4, hashWord(1));
  writeU16(out, at + 8, hashWord(2) >>> 16);
}

/** Compares them with `buf[at, at + 10)`, in constant time. */
function tagMatches(buf: Uint8Array, at: number): boolean {
  const difference =
    (readU32(buf, at) ^ hashWord(0)) |
    (readU32(buf, at + 4) ^ hashWord(1)) |
    (readU16(buf, at + 8) ^ (hashWord(2) >>> 16));
  return difference === 0;
}
