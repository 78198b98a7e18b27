/**
 * SRTP of simulations: packets have the sizes of AEAD_AES_128_GCM and are opened only under the key and the index that they
 * were sealed with, at hardly any cost. node:crypto would take half of a simulated minute; it has tests of its own.
 *
 *   | header, clear | 16 bytes masked, the rest clear | tag: four words of a checksum |
 *
 * The mask covers the descriptors of codecs, so whoever reads them before the packet is opened reads noise. The checksum
 * covers the key, the index, the size, the header and both ends of the body: what fails is a mix-up. It resists nobody.
 */
import { readU32, writeU32 } from "../../src/base/bytes.ts";
import type { SrtpMasterKey } from "../../src/contract/dtls.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";

const TAG_BYTES = 16;
const INDEX_BYTES = 4;
const ENCRYPTED = 0x8000_0000;
const RTCP_CLEAR_BYTES = 8;
const MASKED_BYTES = 16;
/** Odd, so that no two sums become one by it. */
const FACTOR = 0x9e37_79b1;

class SimCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = TAG_BYTES + INDEX_BYTES;
  readonly rtcpIndexFromEnd = INDEX_BYTES;
  readonly #key: number;

  constructor({ key, salt }: SrtpMasterKey) {
    this.#key = checksum(checksum(0, key, 0, key.length), salt, 0, salt.length);
  }

  sealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const sum = this.#sum(buf, at, headerBytes, bytes, roc);
    this.#mask(buf, at + headerBytes, at + bytes, roc);
    writeTag(buf, at + bytes, sum);
    return bytes + TAG_BYTES;
  }

  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    return this.sealRtp(buf, at, headerBytes, bytes, roc);
  }

  openRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    const plainBytes = bytes - TAG_BYTES;
    if (plainBytes < headerBytes) return -1;
    this.#mask(buf, at + headerBytes, at + plainBytes, roc);
    const sum = this.#sum(buf, at, headerBytes, plainBytes, roc);
    return hasTag(buf, at + plainBytes, sum) ? plainBytes : -1;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    const sum = this.#sum(buf, at, RTCP_CLEAR_BYTES, bytes, index);
    this.#mask(buf, at + RTCP_CLEAR_BYTES, at + bytes, index);
    writeTag(buf, at + bytes, sum);
    writeU32(buf, at + bytes + TAG_BYTES, (ENCRYPTED | index) >>> 0);
    return bytes + this.rtcpTrailerBytes;
  }

  openRtcp(buf: Uint8Array, at: number, bytes: number): number {
    const plainBytes = bytes - this.rtcpTrailerBytes;
    if (plainBytes < RTCP_CLEAR_BYTES) return -1;
    const index = readU32(buf, at + plainBytes + TAG_BYTES) & ~ENCRYPTED;
    this.#mask(buf, at + RTCP_CLEAR_BYTES, at + plainBytes, index);
    const sum = this.#sum(buf, at, RTCP_CLEAR_BYTES, plainBytes, index);
    return hasTag(buf, at + plainBytes, sum) ? plainBytes : -1;
  }

  free(): void {}

  /** Of a packet in the clear. */
  #sum(buf: Uint8Array, at: number, headerBytes: number, bytes: number, index: number): number {
    const [bodyAt, end] = [at + headerBytes, at + bytes];
    const start = Math.imul(this.#key ^ index, FACTOR) ^ bytes;
    const head = checksum(start, buf, at, Math.min(end, bodyAt + MASKED_BYTES));
    return checksum(head, buf, Math.max(bodyAt, end - MASKED_BYTES), end);
  }

  #mask(buf: Uint8Array, from: number, bodyEnd: number, index: number): void {
    let mask = this.#key ^ index;
    for (let at = from, to = Math.min(bodyEnd, from + MASKED_BYTES); at < to; at++) {
      mask = Math.imul(mask, FACTOR) + 1;
      buf[at]! ^= mask >>> 24;
    }
  }
}

function checksum(start: number, buf: Uint8Array, from: number, to: number): number {
  let sum = start;
  for (let at = from; at < to; at++) sum = Math.imul(sum ^ buf[at]!, FACTOR);
  return sum >>> 0;
}

function writeTag(buf: Uint8Array, at: number, sum: number): void {
  for (let i = 0; i < TAG_BYTES; i += 4) writeU32(buf, at + i, sum);
}

function hasTag(buf: Uint8Array, at: number, sum: number): boolean {
  for (let i = 0; i < TAG_BYTES; i += 4) if (readU32(buf, at + i) !== sum) return false;
  return true;
}

export const simCipherFactory: SrtpCipherFactory = {
  create: (_profile, master) => new SimCipher(master),
  finishSealing() {},
  contexts: () => 0,
};
