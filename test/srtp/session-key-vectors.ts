/** The packets that RFC 7714 and RFC 3711 print, under session keys that come of no master key. */
import { describe, expect, test } from "vitest";
import type { SrtpSessionKeys } from "../../src/srtp/key-derivation.ts";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/\s/g, ""), "hex"));
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");
const EMPTY = new Uint8Array(0);

/** RFC 7714 §16 and §17. */
const GCM_KEY = bytes("000102030405060708090a0b0c0d0e0f");
const GCM_SALT = bytes("517569642070726f2071756f");
const GCM_KEYS: SrtpSessionKeys = {
  rtpKey: GCM_KEY,
  rtpAuthKey: EMPTY,
  rtpSalt: GCM_SALT,
  rtcpKey: GCM_KEY,
  rtcpAuthKey: EMPTY,
  rtcpSalt: GCM_SALT,
};

/** RFC 3711 §B.2. */
const COUNTER_KEYS: SrtpSessionKeys = {
  rtpKey: bytes("2b7e151628aed2a6abf7158809cf4f3c"),
  rtpAuthKey: new Uint8Array(20),
  rtpSalt: bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd"),
  rtcpKey: new Uint8Array(16),
  rtcpAuthKey: new Uint8Array(20),
  rtcpSalt: new Uint8Array(14),
};

type CipherClass = new (keys: SrtpSessionKeys) => SrtpCipher;

export function describeSessionKeyVectors(
  name: string,
  GcmCipher: CipherClass,
  CounterCipher: CipherClass,
): void {
  describe(`${name} under given session keys`, () => {
    test("AEAD_AES_128_GCM seals the SRTP packet of RFC 7714 §16.1", () => {
      const cipher = new GcmCipher(GCM_KEYS);
      const buf = new Uint8Array(66);
      buf.set(
        bytes(`8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
      69736120 696e2070 61727465 73207472 6573`),
      );
      expect(cipher.sealRtp(buf, 0, 12, 50, 0)).toBe(66);
      expect(hex(buf)).toBe(
        hex(
          bytes(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce`),
        ),
      );
      cipher.free();
    });

    test("AEAD_AES_128_GCM seals the SRTCP packet of RFC 7714 §17.1, and refuses the unencrypted one of §17.3", () => {
      const cipher = new GcmCipher(GCM_KEYS);
      const plain = bytes(`81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef`);
      const buf = new Uint8Array(plain.length + 20);
      buf.set(plain);
      expect(cipher.sealRtcp(buf, 0, plain.length, 0x5d4)).toBe(buf.length);
      expect(hex(buf)).toBe(
        hex(
          bytes(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
        4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`),
        ),
      );

      const tagOnly = Uint8Array.from([...plain, ...bytes("841dd968 3dd78ec9 2ae58790 125f62b3 000005d4")]);
      expect(cipher.openRtcp(tagOnly, 0, tagOnly.length)).toBe(-1);
      cipher.free();
    });

    test("AES_CM encrypts zeros to the keystream of RFC 3711 §B.2", () => {
      const cipher = new CounterCipher(COUNTER_KEYS);
      const buf = new Uint8Array(12 + 48 + 10);
      cipher.sealRtp(buf, 0, 12, 60, 0);
      expect(hex(buf.subarray(12, 60))).toBe(
        "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0",
      );
      cipher.free();
    });
  });
}
