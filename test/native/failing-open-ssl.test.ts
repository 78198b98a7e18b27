/**
 * Goal: whichever call into OpenSSL fails, no plaintext passes for sealed, and no forged packet for authentic.
 * Method: the real functions, of which the Nth call of a packet reports failure; for each N that the packet makes.
 */
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { PathId } from "../../src/base/ids.ts";
import { TransmitRing } from "../../src/base/transmit-ring.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { sealRing } from "../../src/core/seal-ring.ts";
import { liveContexts } from "../../src/native/cipher-context.ts";
import { nativeCipherFactory } from "../../src/native/native-cipher.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";

const calls = vi.hoisted(() => ({ made: 0, failing: 0 }));

vi.mock("../../src/native/open-ssl.ts", async (importOriginal) => {
  const real = await importOriginal<typeof import("../../src/native/open-ssl.ts")>();
  const failing =
    <A extends unknown[]>(call: (...args: A) => number) =>
    (...args: A): number => {
      calls.made += 1;
      return calls.made === calls.failing ? 0 : call(...args);
    };
  return {
    ...real,
    encryptInit: failing(real.encryptInit),
    decryptInit: failing(real.decryptInit),
    cipherUpdate: failing(real.cipherUpdate),
    cipherFinal: failing(real.cipherFinal),
    getParameters: failing(real.getParameters),
    setParameters: failing(real.setParameters),
    sha1Update: failing(real.sha1Update),
  };
});

const PROFILES: { name: string; profile: SrtpProfile; master: SrtpMasterKey; callsPerPacket: number }[] = [
  {
    name: "AES_CM_128_HMAC_SHA1_80",
    profile: SRTP_AES128_CM_HMAC_SHA1_80,
    master: { key: new Uint8Array(16).fill(1), salt: new Uint8Array(14).fill(2) },
    callsPerPacket: 3,
  },
  {
    name: "AEAD_AES_128_GCM",
    profile: SRTP_AEAD_AES_128_GCM,
    master: { key: new Uint8Array(16).fill(1), salt: new Uint8Array(12).fill(2) },
    callsPerPacket: 5,
  },
];

/** A packet of zeros but for its first byte: its sequence number, SSRC and rollover counter are 0. */
const plainPacket = (): Uint8Array => new Uint8Array(140).fill(0x80, 0, 1);
const BYTES = 120;

beforeEach(() => {
  calls.failing = 0;
});

describe.each(PROFILES)("$name", ({ profile, master, callsPerPacket }) => {
  const CALLS = Array.from({ length: callsPerPacket }, (_, i) => i + 1);

  function failAt(call: number): void {
    calls.made = 0;
    calls.failing = call;
  }

  test.each(CALLS)("seals nothing and changes nothing when call %i fails", (call) => {
    const cipher = nativeCipherFactory.create(profile, master);
    const buf = plainPacket();
    failAt(call);
    expect(cipher.sealRtp(buf, 0, 12, BYTES, 0)).toBe(-1);
    failAt(call);
    expect(cipher.sealRtcp(buf, 0, BYTES, 0)).toBe(-1);
    expect(buf).toEqual(plainPacket());
    cipher.free();
  });

  test.each(CALLS)("opens nothing when call %i fails, and the next packet well", (call) => {
    const cipher = nativeCipherFactory.create(profile, master);
    const rtp = plainPacket();
    const rtcp = plainPacket();
    const rtpBytes = cipher.sealRtp(rtp, 0, 12, BYTES, 0);
    const rtcpBytes = cipher.sealRtcp(rtcp, 0, BYTES, 0);
    failAt(call);
    expect(cipher.openRtp(rtp, 0, 12, rtpBytes, 0)).toBe(-1);
    failAt(call);
    expect(cipher.openRtcp(rtcp, 0, rtcpBytes)).toBe(-1);
    calls.failing = 0;
    expect(cipher.openRtp(rtp, 0, 12, rtpBytes, 0)).toBe(BYTES);
    expect(cipher.openRtcp(rtcp, 0, rtcpBytes)).toBe(BYTES);
    cipher.free();
  });

  test.each(CALLS)("the ring sends 0 bytes of a row whose call %i fails", (call) => {
    const cipher = nativeCipherFactory.create(profile, master);
    const ring = new TransmitRing(2);
    for (let extSeq = 0; extSeq < 2; extSeq++) {
      const packet = plainPacket().subarray(0, BYTES);
      packet[3] = extSeq;
      ring.slab.set(packet, ring.reserve());
      ring.commitRtp(BYTES, 0 as PathId, 0, 12, extSeq, 0);
    }
    failAt(call);
    expect(sealRing(ring, [new SrtpSender(cipher)], nativeCipherFactory)).toBe(1);
    expect([...ring.bytes.subarray(0, 2)]).toEqual([0, BYTES + cipher.rtpTagBytes]);
    cipher.free();
  });
});

test("a context that can not be set up is freed at once", () => {
  const { profile, master } = PROFILES[0]!;
  const before = liveContexts();
  calls.made = 0;
  calls.failing = 1;
  expect(() => nativeCipherFactory.create(profile, master)).toThrow("refused");
  expect(liveContexts()).toBe(before);
});
