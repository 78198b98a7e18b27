/**
 * AES_CM_128_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1, §8.2).
 *
 *   SRTP   | header, clear |  ciphertext  | tag 10 |                       tag over: the packet and the 4-byte ROC
 *   SRTCP  | 8 bytes clear |  ciphertext  | E and index 4 | tag 10 |       tag over: all before it
 */
import { readU32, writeU32 } from "../base/bytes.ts";
import type { SrtpSessionKeys } from "../srtp/key-derivation.ts";
import { writeRtcpCounterBlock, writeRtpCounterBlock } from "../srtp/packet-nonces.ts";
import type { SrtpCipher } from "../srtp/srtp-cipher.ts";
import { HmacSha1 } from "./hmac-sha1.ts";
import { counterBlocks, Keystream } from "./keystream.ts";
import { KeystreamAhead } from "./keystream-ahead.ts";
import { loadPacket, scratch } from "./packet-scratch.ts";

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
  readonly #rtp: Keystream;
  readonly #rtpAhead: KeystreamAhead;
  readonly #rtcp: Keystream;
  readonly #rtpHmac: HmacSha1;
  readonly #rtcpHmac: HmacSha1;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpSalt: Uint8Array;

  constructor(keys: SrtpSessionKeys) {
    this.#rtp = new Keystream(keys.rtpKey);
    this.#rtpAhead = new KeystreamAhead(this.#rtp, keys.rtpSalt);
    this.#rtcp = new Keystream(keys.rtcpKey);
    this.#rtpHmac = new HmacSha1(keys.rtpAuthKey);
    this.#rtcpHmac = new HmacSha1(keys.rtcpAuthKey);
    this.#rtpSalt = keys.rtpSalt;
    this.#rtcpSalt = keys.rtcpSalt;
  }

  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const start = loadPacket(buf, at, headerBytes, bytes);
    if (start < 0) return -1;
    const end = start + bytes;
    this.#rtpAhead.crypt(start, headerBytes, end, roc);
    writeU32(scratch, end, roc);
    writeTag(this.#rtpHmac.digest(start, end + ROC_BYTES), end);
    buf.set(scratch.subarray(start + headerBytes, end + TAG_BYTES), at + headerBytes);
    return bytes + TAG_BYTES;
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const plainBytes = bytes - TAG_BYTES;
    if (plainBytes < headerBytes) return -1;
    const start = loadPacket(buf, at, headerBytes, plainBytes);
    if (start < 0) return -1;
    const end = start + plainBytes;
    writeU32(scratch, end, roc);
    if (!tagMatches(this.#rtpHmac.digest(start, end + ROC_BYTES), buf, at + plainBytes)) return -1;
    writeRtpCounterBlock(counterBlocks, 0, this.#rtpSalt, scratch, start, roc);
    this.#rtp.xor(start + headerBytes, end);
    buf.set(scratch.subarray(start + headerBytes, end), at + headerBytes);
    return plainBytes;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const start = loadPacket(buf, at, RTCP_CLEAR_BYTES, bytes);
    if (start < 0) return -1;
    const end = start + bytes;
    this.#cryptRtcp(start, end, index);
    writeU32(scratch, end, (E_FLAG | index) >>> 0);
    const tagAt = end + RTCP_INDEX_BYTES;
    writeTag(this.#rtcpHmac.digest(start, tagAt), tagAt);
    buf.set(scratch.subarray(start + RTCP_CLEAR_BYTES, tagAt + TAG_BYTES), at + RTCP_CLEAR_BYTES);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /** Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    const plainBytes = bytes - RTCP_TRAILER_BYTES;
    if (plainBytes < RTCP_CLEAR_BYTES) return -1;
    const start = loadPacket(buf, at, RTCP_CLEAR_BYTES, plainBytes + RTCP_INDEX_BYTES);
    if (start < 0) return -1;
    const end = start + plainBytes;
    const tagAt = end + RTCP_INDEX_BYTES;
    const word = readU32(scratch, end);
    if (word < E_FLAG) return -1;
    if (!tagMatches(this.#rtcpHmac.digest(start, tagAt), buf, at + bytes - TAG_BYTES)) return -1;
    this.#cryptRtcp(start, end, word & ~E_FLAG);
    buf.set(scratch.subarray(start + RTCP_CLEAR_BYTES, end), at + RTCP_CLEAR_BYTES);
    return plainBytes;
  }

  /** Keys and contexts here belong to the garbage collector. */
  free(): void {}

  /** Encrypts or decrypts the packet `scratch[start, end)`: counter mode is its own reverse. */
  #cryptRtcp(start: number, end: number, index: number): void {
    writeRtcpCounterBlock(counterBlocks, 0, this.#rtcpSalt, scratch, start, index);
    this.#rtcp.xor(start + RTCP_CLEAR_BYTES, end);
  }
}

function writeTag(digest: string, at: number): void {
  for (let i = 0; i < TAG_BYTES; i++) scratch[at + i] = digest.charCodeAt(i);
}

/** In the same time wherever they differ. */
function tagMatches(digest: string, buf: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= digest.charCodeAt(i) ^ buf[at + i]!;
  return difference === 0;
}
