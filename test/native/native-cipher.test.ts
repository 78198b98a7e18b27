import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { liveContexts } from "../../src/native/cipher-context.ts";
import { CounterCipher } from "../../src/native/counter-cipher.ts";
import { GcmCipher } from "../../src/native/gcm-cipher.ts";
import { nativeCipherFactory } from "../../src/native/native-cipher.ts";
import { portableCipherFactory } from "../../src/portable/portable-cipher.ts";
import { describeSrtpCipher } from "../srtp/cipher-conformance.ts";
import { describeSessionKeyVectors } from "../srtp/session-key-vectors.ts";

describeSrtpCipher("native", nativeCipherFactory);
describeSessionKeyVectors("native", GcmCipher, CounterCipher);

const HEADER_BYTES = 12;
const TRAILER_ROOM_BYTES = 20;
const LARGEST_BYTES = 65_536;

const PROFILES: { name: string; profile: SrtpProfile; master: SrtpMasterKey }[] = [
  {
    name: "AES_CM_128_HMAC_SHA1_80",
    profile: SRTP_AES128_CM_HMAC_SHA1_80,
    master: { key: new Uint8Array(16).fill(1), salt: new Uint8Array(14).fill(2) },
  },
  {
    name: "AEAD_AES_128_GCM",
    profile: SRTP_AEAD_AES_128_GCM,
    master: { key: new Uint8Array(16).fill(1), salt: new Uint8Array(12).fill(2) },
  },
];

/** Every kind of memory that a Uint8Array may lie in. */
const MEMORIES: { kind: string; make: (bytes: number) => Uint8Array }[] = [
  { kind: "an array of its own", make: (bytes) => new Uint8Array(bytes) },
  { kind: "Node's pool", make: (bytes) => Buffer.allocUnsafe(bytes) },
  { kind: "shared memory", make: (bytes) => new Uint8Array(new SharedArrayBuffer(bytes + 3), 3) },
  { kind: "the end of a buffer", make: (bytes) => new Uint8Array(4096 + bytes).subarray(4096) },
];

describe.each(PROFILES)("native $name", ({ profile, master }) => {
  test.each(MEMORIES)("seals and opens in $kind as the portable body does", ({ make }) => {
    const native = nativeCipherFactory.create(profile, master);
    const portable = portableCipherFactory.create(profile, master);
    const input = fc.record({
      headerBytes: fc.integer({ min: 12, max: 96 }),
      payload: fc.uint8Array({ maxLength: 1500 }),
      at: fc.integer({ min: 0, max: 40 }),
      roc: fc.integer({ min: 0, max: 0xffffffff }),
      index: fc.integer({ min: 0, max: 0x7fffffff }),
    });
    fc.assert(
      fc.property(input, ({ headerBytes, payload, at, roc, index }) => {
        const bytes = headerBytes + payload.length;
        const buf = make(at + bytes + TRAILER_ROOM_BYTES).fill(0x80);
        buf.set(payload, at + headerBytes);
        const plain = Uint8Array.from(buf);
        const expected = Uint8Array.from(buf);

        const sealed = native.sealRtp(buf, at, headerBytes, bytes, roc);
        expect(sealed).toBe(portable.sealRtp(expected, at, headerBytes, bytes, roc));
        expect(Buffer.compare(buf, expected)).toBe(0);
        expect(native.openRtp(buf, at, headerBytes, sealed, roc)).toBe(bytes);
        expect(Buffer.compare(buf.subarray(0, at + bytes), plain.subarray(0, at + bytes))).toBe(0);

        const control = Uint8Array.from(buf);
        const sealedRtcp = native.sealRtcp(buf, at, bytes, index);
        expect(sealedRtcp).toBe(portable.sealRtcp(control, at, bytes, index));
        expect(Buffer.compare(buf, control)).toBe(0);
        expect(native.openRtcp(buf, at, sealedRtcp)).toBe(bytes);
      }),
      { numRuns: 100 },
    );
    native.free();
  });

  test("seals each size from no payload to 2,048 bytes as the portable body does", () => {
    const native = nativeCipherFactory.create(profile, master);
    const portable = portableCipherFactory.create(profile, master);
    for (let bytes = HEADER_BYTES; bytes <= 2048; bytes++) {
      const ours = new Uint8Array(bytes + TRAILER_ROOM_BYTES).fill(bytes);
      const theirs = ours.slice();
      native.sealRtp(ours, 0, HEADER_BYTES, bytes, bytes);
      portable.sealRtp(theirs, 0, HEADER_BYTES, bytes, bytes);
      expect(Buffer.compare(ours, theirs), `${bytes} bytes`).toBe(0);
    }
    native.free();
  });

  const create = () => nativeCipherFactory.create(profile, master);
  const buf = new Uint8Array(LARGEST_BYTES + 2 * TRAILER_ROOM_BYTES);

  const MISFITS: { what: string; headerBytes: number; at: number; bytes: number }[] = [
    { what: "is larger than a datagram", headerBytes: 12, at: 0, bytes: LARGEST_BYTES + 1 },
    { what: "has more header than bytes", headerBytes: 13, at: 0, bytes: 12 },
    { what: "has a negative header", headerBytes: -4, at: 0, bytes: 12 },
    { what: "starts before the buffer", headerBytes: 12, at: -1, bytes: 40 },
    { what: "ends behind the buffer", headerBytes: 12, at: buf.length - 39, bytes: 40 },
    { what: "is of no number of bytes", headerBytes: 12, at: 0, bytes: Number.NaN },
  ];
  test.each(MISFITS)("neither seals nor opens what $what", ({ headerBytes, at, bytes }) => {
    const cipher = create();
    buf.fill(7);
    expect(cipher.sealRtp(buf, at, headerBytes, bytes, 0)).toBe(-1);
    expect(cipher.openRtp(buf, at, headerBytes, bytes, 0)).toBe(-1);
    expect(buf.every((b) => b === 7)).toBe(true);
    cipher.free();
  });

  test("seals and opens the largest datagram", () => {
    const cipher = create();
    buf.fill(7);
    const bytes = LARGEST_BYTES - cipher.rtpTagBytes;
    expect(cipher.openRtp(buf, 0, 12, cipher.sealRtp(buf, 0, 12, bytes, 0), 0)).toBe(bytes);
    expect(buf.subarray(0, bytes).every((b) => b === 7)).toBe(true);
    cipher.free();
  });

  test("throws and leaves the plaintext alone where the tag has no room", () => {
    const cipher = create();
    const tight = new Uint8Array(100).fill(7);
    expect(() => cipher.sealRtp(tight, 0, 12, 100, 0)).toThrow(RangeError);
    cipher.free();
  });

  test("holds two contexts until it is freed, and frees them once", () => {
    const before = liveContexts();
    const cipher = create();
    expect(liveContexts()).toBe(before + 2);
    cipher.free();
    cipher.free();
    expect(liveContexts()).toBe(before);
  });

  test("throws when used after free()", () => {
    const cipher = create();
    const packet = new Uint8Array(100);
    cipher.free();
    expect(() => cipher.sealRtp(packet, 0, 12, 60, 0)).toThrow("used after free()");
    expect(() => cipher.openRtp(packet, 0, 12, 60, 0)).toThrow("used after free()");
    expect(() => cipher.sealRtcp(packet, 0, 60, 0)).toThrow("used after free()");
    expect(() => cipher.openRtcp(packet, 0, 60)).toThrow("used after free()");
  });
});

test("refuses a key of another length, and leaves no context behind", () => {
  const before = liveContexts();
  const master = { key: new Uint8Array(24), salt: new Uint8Array(12) };
  expect(() => nativeCipherFactory.create(SRTP_AEAD_AES_128_GCM, master)).toThrow("16 bytes");
  expect(liveContexts()).toBe(before);
});
