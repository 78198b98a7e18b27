/**
 * SRTP without encryption, for simulations only: packets have the sizes of AEAD_AES_128_GCM, at no cost. Otherwise a
 * simulated minute of thirty participants would take a minute of AES.
 */
import { writeU32 } from "../../src/base/bytes.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";

const TAG_BYTES = 16;
const INDEX_BYTES = 4;
const ENCRYPTED = 0x8000_0000;

class NullCipher implements SrtpCipher {
  readonly rtpTagBytes = TAG_BYTES;
  readonly rtcpTrailerBytes = TAG_BYTES + INDEX_BYTES;
  readonly rtcpIndexFromEnd = INDEX_BYTES;

  sealRtp(buf: Uint8Array, at: number, _headerBytes: number, bytes: number, _roc: number): number {
    buf.fill(0, at + bytes, at + bytes + TAG_BYTES);
    return bytes + TAG_BYTES;
  }

  beginSealRtp(buf: Uint8Array, at: number, headerBytes: number, bytes: number, roc: number): number {
    return this.sealRtp(buf, at, headerBytes, bytes, roc);
  }

  openRtp(_buf: Uint8Array, _at: number, headerBytes: number, bytes: number, _roc: number): number {
    return bytes < headerBytes + TAG_BYTES ? -1 : bytes - TAG_BYTES;
  }

  sealRtcp(buf: Uint8Array, at: number, bytes: number, index: number): number {
    buf.fill(0, at + bytes, at + bytes + TAG_BYTES);
    writeU32(buf, at + bytes + TAG_BYTES, (ENCRYPTED | index) >>> 0);
    return bytes + this.rtcpTrailerBytes;
  }

  openRtcp(_buf: Uint8Array, _at: number, bytes: number): number {
    return bytes - this.rtcpTrailerBytes;
  }

  free(): void {}
}

export const nullCipherFactory: SrtpCipherFactory = {
  create: () => new NullCipher(),
  finishSealing() {},
  contexts: () => 0,
};
