/**
 * AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1, §8.2).
 *
 *   SRTP   | header, clear |  ciphertext  | tag 10 |                       tag over: the packet and the 4-byte ROC
 *   SRTCP  | 8 bytes clear |  ciphertext  | E and index 4 | tag 10 |       tag over: all before it
 */
import {
  createCipheriv,
  createHmac,
  createSecretKey,
  type Hmac,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";
import { readU32, writeU32 } from "../base/bytes.ts";
import type { SrtpSessionKeys } from "../srtp/key-derivation.ts";
import { COUNTER_BLOCK_BYTES, writeRtcpCounterBlock, writeRtpCounterBlock } from "../srtp/packet-nonces.ts";
import type { SrtpCipher } from "../srtp/srtp-cipher.ts";

const ALGORITHM = "aes-128-ctr";
const TAG_BYTES = 10;

const RTCP_CLEAR_BYTES = 8;
const RTCP_INDEX_BYTES = 4;
const RTCP_TRAILER_BYTES = RTCP_INDEX_BYTES + TAG_BYTES;
const E_FLAG = 0x80000000;

export class CounterCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = RTCP_TRAILER_BYTES;
  readonly rtcpIndexFromEnd = RTCP_TRAILER_BYTES;
  readonly #rtpKey: KeyObject;
  readonly #rtpAuthKey: KeyObject;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpKey: KeyObject;
  readonly #rtcpAuthKey: KeyObject;
  readonly #rtcpSalt: Uint8Array;
  readonly #counterBlock = new Uint8Array(COUNTER_BLOCK_BYTES);
  readonly #roc = new Uint8Array(4);

  constructor(keys: SrtpSessionKeys) {
    this.#rtpKey = createSecretKey(keys.rtpKey);
    this.#rtpAuthKey = createSecretKey(keys.rtpAuthKey);
    this.#rtpSalt = keys.rtpSalt;
    this.#rtcpKey = createSecretKey(keys.rtcpKey);
    this.#rtcpAuthKey = createSecretKey(keys.rtcpAuthKey);
    this.#rtcpSalt = keys.rtcpSalt;
  }

  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const end = at + bytes;
    this.#cryptRtp(buf, at, headerBytes, end, roc);
    const tag = this.#rtpHmac(buf, at, end, roc).digest();
    buf.set(tag.subarray(0, TAG_BYTES), end);
    return bytes + TAG_BYTES;
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    if (bytes < headerBytes + TAG_BYTES) return -1;
    const end = at + bytes - TAG_BYTES;
    if (!tagMatches(this.#rtpHmac(buf, at, end, roc), buf, end)) return -1;
    this.#cryptRtp(buf, at, headerBytes, end, roc);
    return bytes - TAG_BYTES;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const end = at + bytes;
    this.#cryptRtcp(buf, at, end, index);
    writeU32(buf, end, (E_FLAG | index) >>> 0);
    const tagAt = end + RTCP_INDEX_BYTES;
    const tag = hmac(this.#rtcpAuthKey, buf, at, tagAt).digest();
    buf.set(tag.subarray(0, TAG_BYTES), tagAt);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /** Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    if (bytes < RTCP_CLEAR_BYTES + RTCP_TRAILER_BYTES) return -1;
    const end = at + bytes - RTCP_TRAILER_BYTES;
    if (buf[end]! < 0x80) return -1;
    const tagAt = end + RTCP_INDEX_BYTES;
    if (!tagMatches(hmac(this.#rtcpAuthKey, buf, at, tagAt), buf, tagAt)) return -1;
    this.#cryptRtcp(buf, at, end, readU32(buf, end) & ~E_FLAG);
    return bytes - RTCP_TRAILER_BYTES;
  }

  /** Keys and contexts here belong to the garbage collector. */
  free(): void {}

  #cryptRtp(buf: Uint8Array, at: number, headerBytes: number, end: number, roc: number): void {
    const block = this.#counterBlock;
    writeRtpCounterBlock(block, 0, this.#rtpSalt, buf, at, roc);
    crypt(this.#rtpKey, block, buf, at + headerBytes, end);
  }

  #cryptRtcp(buf: Uint8Array, at: number, end: number, index: number): void {
    const block = this.#counterBlock;
    writeRtcpCounterBlock(block, 0, this.#rtcpSalt, buf, at, index);
    crypt(this.#rtcpKey, block, buf, at + RTCP_CLEAR_BYTES, end);
  }

  #rtpHmac(buf: Uint8Array, at: number, end: number, roc: number): Hmac {
    writeU32(this.#roc, 0, roc);
    return hmac(this.#rtpAuthKey, buf, at, end).update(this.#roc);
  }
}

function hmac(key: KeyObject, buf: Uint8Array, at: number, end: number): Hmac {
  return createHmac("sha1", key).update(buf.subarray(at, end));
}

function tagMatches(computed: Hmac, buf: Uint8Array, tagAt: number): boolean {
  const tag = computed.digest().subarray(0, TAG_BYTES);
  return timingSafeEqual(tag, buf.subarray(tagAt, tagAt + TAG_BYTES));
}

/** Counter mode is its own reverse. */
function crypt(key: KeyObject, counterBlock: Uint8Array, buf: Uint8Array, from: number, to: number): void {
  buf.set(createCipheriv(ALGORITHM, key, counterBlock).update(buf.subarray(from, to)), from);
}
