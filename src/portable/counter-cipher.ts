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
import { counterBlocks, Keystream, MAX_PACKET_BYTES } from "./keystream.ts";
import { KeystreamAhead } from "./keystream-ahead.ts";
import { TAG_BYTES, tagLater, writeTag, writeTags } from "./tag-queue.ts";

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
    const sealed = this.beginSealRtp(buf, at, headerBytes, bytes, roc);
    writeTags();
    return sealed;
  }

  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    if (bytes > MAX_PACKET_BYTES) return -1;
    this.#rtpAhead.crypt(buf, at, headerBytes, bytes, roc);
    tagLater(this.#rtpHmac, buf, at, bytes, roc);
    return bytes + TAG_BYTES;
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const plainBytes = bytes - TAG_BYTES;
    if (plainBytes < headerBytes || plainBytes > MAX_PACKET_BYTES) return -1;
    const end = at + plainBytes;
    if (!tagMatches(this.#rtpHmac.digest(buf, at, plainBytes, roc), buf, end)) return -1;
    writeRtpCounterBlock(counterBlocks, 0, this.#rtpSalt, buf, at, roc);
    this.#rtp.xor(buf, at + headerBytes, end);
    return plainBytes;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    if (bytes > MAX_PACKET_BYTES) return -1;
    const end = at + bytes;
    this.#cryptRtcp(buf, at, end, index);
    const word = (E_FLAG | index) >>> 0;
    writeU32(buf, end, word);
    writeTag(this.#rtcpHmac.digest(buf, at, bytes, word), buf, end + RTCP_INDEX_BYTES);
    return bytes + RTCP_TRAILER_BYTES;
  }

  /** Unencrypted SRTCP (E = 0) is refused: DTLS-SRTP has no way to agree on it (RFC 5764 §4.1.2). */
  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    const plainBytes = bytes - RTCP_TRAILER_BYTES;
    if (plainBytes < RTCP_CLEAR_BYTES || plainBytes > MAX_PACKET_BYTES) return -1;
    const end = at + plainBytes;
    const word = readU32(buf, end);
    if (word < E_FLAG) return -1;
    const digest = this.#rtcpHmac.digest(buf, at, plainBytes, word);
    if (!tagMatches(digest, buf, end + RTCP_INDEX_BYTES)) return -1;
    this.#cryptRtcp(buf, at, end, word & ~E_FLAG);
    return plainBytes;
  }

  /** Keys and contexts here belong to the garbage collector. */
  free(): void {}

  /** Encrypts or decrypts the packet `buf[at, end)`: counter mode is its own reverse. */
  #cryptRtcp(buf: Uint8Array, at: number, end: number, index: number): void {
    writeRtcpCounterBlock(counterBlocks, 0, this.#rtcpSalt, buf, at, index);
    this.#rtcp.xor(buf, at + RTCP_CLEAR_BYTES, end);
  }
}

/** In the same time wherever they differ. */
function tagMatches(digest: string, buf: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= digest.charCodeAt(i) ^ buf[at + i]!;
  return difference === 0;
}
