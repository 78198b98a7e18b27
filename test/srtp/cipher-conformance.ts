/**
 * What every body of `SrtpCipher` must do, held against published vectors, werift as a second implementation, and
 * hostile input. A test file per body calls `describeSrtpCipher`.
 */
import { createCipheriv, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RtpHeader, RtpPacket, SrtcpSession, SrtpSession } from "werift";
import { readU32 } from "../../src/base/bytes.ts";
import type { PathId } from "../../src/base/ids.ts";
import { NO_SESSION, SLOT_BYTES, TransmitRing } from "../../src/base/transmit-ring.ts";
import {
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpMasterKey,
  type SrtpProfile,
} from "../../src/contract/dtls.ts";
import { sealRing } from "../../src/core/seal-ring.ts";
import { deriveSrtpSessionKeys } from "../../src/srtp/key-derivation.ts";
import type { SrtpCipher, SrtpCipherFactory } from "../../src/srtp/srtp-cipher.ts";
import { SrtpSender } from "../../src/srtp/srtp-sender.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/\s/g, ""), "hex"));
const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

/** The self-test of libsrtp: one RTP packet (sequence number 0x1234, ROC 0) and one RTCP packet (index 1). */
const PLAIN_RTP = bytes("800f1234 decafbad cafebabe abababab abababab abababab abababab");
const PLAIN_RTCP = bytes("81c8000b cafebabe abababab abababab abababab abababab");
const RTP_HEADER_BYTES = 12;

const VECTORS: {
  profile: SrtpProfile;
  name: string;
  master: SrtpMasterKey;
  rtp: Uint8Array;
  rtcp: Uint8Array;
}[] = [
  {
    profile: SRTP_AES128_CM_HMAC_SHA1_80,
    name: "AES_CM_128_HMAC_SHA1_80",
    master: { key: bytes("e1f97a0d3e018be0d64fa32c06de4139"), salt: bytes("0ec675ad498afeebb6960b3aabe6") },
    rtp: bytes(`800f1234 decafbad cafebabe
      4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb`),
    rtcp: bytes(`81c8000b cafebabe
      7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798`),
  },
  {
    profile: SRTP_AEAD_AES_128_GCM,
    name: "AEAD_AES_128_GCM",
    master: { key: bytes("000102030405060708090a0b0c0d0e0f"), salt: bytes("a0a1a2a3a4a5a6a7a8a9aaab") },
    rtp: bytes(`800f1234 decafbad cafebabe
      c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201 df3131a1 27e8a392`),
    rtcp: bytes(`81c8000b cafebabe
      c98b8b5d f0392a55 852b6c21 ac8e7025 c52c6fbe a2b3b446 ea31123b a88ce61e 80000001`),
  },
];

/** A buffer with `packet` at `at` and a pattern around it, to see what else is written. */
function framed(packet: Uint8Array, at: number, room: number): Uint8Array {
  const buf = new Uint8Array(at + packet.length + room + 8).fill(0xee);
  buf.set(packet, at);
  return buf;
}

/** PLAIN_RTCP with E = 0, index 1 and a tag that is right for it (RFC 3711 §3.4, RFC 7714 §9.1). */
function tagOnlyRtcp(profile: SrtpProfile, master: SrtpMasterKey): Uint8Array {
  const keys = deriveSrtpSessionKeys(master, 20);
  const word = bytes("00000001");
  if (profile === SRTP_AES128_CM_HMAC_SHA1_80) {
    const tag = createHmac("sha1", keys.rtcpAuthKey).update(PLAIN_RTCP).update(word).digest();
    return Uint8Array.from([...PLAIN_RTCP, ...word, ...tag.subarray(0, 10)]);
  }
  const nonce = bytes("0000 cafebabe 0000 00000001").map((b, i) => b ^ keys.rtcpSalt[i]!);
  const cipher = createCipheriv("aes-128-gcm", keys.rtcpKey, nonce);
  cipher.setAAD(Uint8Array.from([...PLAIN_RTCP, ...word]));
  cipher.final();
  return Uint8Array.from([...PLAIN_RTCP, ...cipher.getAuthTag(), ...word]);
}

export function describeSrtpCipher(name: string, factory: SrtpCipherFactory): void {
  describe.each(VECTORS)(`${name} $name`, ({ profile, master, rtp, rtcp }) => {
    const create = () => factory.create(profile, master);

    test("seals and opens libsrtp's RTP packet", () => {
      const cipher = create();
      const buf = framed(PLAIN_RTP, 5, cipher.rtpTagBytes);
      const sealed = cipher.sealRtp(buf, 5, RTP_HEADER_BYTES, PLAIN_RTP.length, 0);
      expect(hex(buf.subarray(5, 5 + sealed))).toBe(hex(rtp));
      expect(cipher.openRtp(buf, 5, RTP_HEADER_BYTES, sealed, 0)).toBe(PLAIN_RTP.length);
      expect(hex(buf.subarray(5, 5 + PLAIN_RTP.length))).toBe(hex(PLAIN_RTP));
      cipher.free();
    });

    test("seals and opens libsrtp's RTCP packet", () => {
      const cipher = create();
      const buf = framed(PLAIN_RTCP, 3, cipher.rtcpTrailerBytes);
      const sealed = cipher.sealRtcp(buf, 3, PLAIN_RTCP.length, 1);
      expect(hex(buf.subarray(3, 3 + sealed))).toBe(hex(rtcp));
      expect(cipher.openRtcp(buf, 3, sealed)).toBe(PLAIN_RTCP.length);
      expect(hex(buf.subarray(3, 3 + PLAIN_RTCP.length))).toBe(hex(PLAIN_RTCP));
      cipher.free();
    });

    test("says truly how much sealing adds, and writes nothing else", () => {
      const cipher = create();
      expect(rtp.length - PLAIN_RTP.length).toBe(cipher.rtpTagBytes);
      expect(rtcp.length - PLAIN_RTCP.length).toBe(cipher.rtcpTrailerBytes);
      expect(readU32(rtcp, rtcp.length - cipher.rtcpIndexFromEnd)).toBe(0x8000_0001);
      const buf = framed(PLAIN_RTP, 5, cipher.rtpTagBytes);
      const sealed = cipher.sealRtp(buf, 5, RTP_HEADER_BYTES, PLAIN_RTP.length, 0);
      expect(buf.subarray(0, 5).every((b) => b === 0xee)).toBe(true);
      expect(buf.subarray(5 + sealed).every((b) => b === 0xee)).toBe(true);
      cipher.free();
    });

    test("any payload under any header, ROC and index comes back as it was", () => {
      const cipher = create();
      const input = fc.record({
        header: fc.uint8Array({ minLength: 12, maxLength: 76, size: "max" }),
        payload: fc.uint8Array({ maxLength: 1400, size: "max" }),
        roc: fc.integer({ min: 0, max: 0xffffffff }),
        index: fc.integer({ min: 0, max: 0x7fffffff }),
      });
      fc.assert(
        fc.property(input, ({ header, payload, roc, index }) => {
          const plain = Uint8Array.from([...header, ...payload]);
          const buf = framed(plain, 0, 32);
          const sealedRtp = cipher.sealRtp(buf, 0, header.length, plain.length, roc);
          expect(cipher.openRtp(buf, 0, header.length, sealedRtp, roc)).toBe(plain.length);
          expect(buf.subarray(0, plain.length)).toEqual(plain);
          const sealedRtcp = cipher.sealRtcp(buf, 0, plain.length, index);
          expect(cipher.openRtcp(buf, 0, sealedRtcp)).toBe(plain.length);
          expect(buf.subarray(0, plain.length)).toEqual(plain);
        }),
        { numRuns: 50 },
      );
      cipher.free();
    });

    test("seals a packet in a slot of a slab as it would alone, and no other slot changes", () => {
      const cipher = create();
      const SLOTS = 4;
      const slab = new Uint8Array(SLOTS * SLOT_BYTES);
      const input = fc.record({
        slot: fc.nat({ max: SLOTS - 1 }),
        header: fc.uint8Array({ minLength: 12, maxLength: 400, size: "max" }),
        payloadBytes: fc.nat({ max: SLOT_BYTES - 400 - cipher.rtpTagBytes }),
        roc: fc.integer({ min: 0, max: 0xffffffff }),
      });
      fc.assert(
        fc.property(input, ({ slot, header, payloadBytes, roc }) => {
          const plain = Uint8Array.from([...header, ...new Uint8Array(payloadBytes).fill(7)]);
          const alone = framed(plain, 0, cipher.rtpTagBytes);
          const aloneBytes = cipher.sealRtp(alone, 0, header.length, plain.length, roc);
          const at = slot * SLOT_BYTES;
          slab.fill(0xee).set(plain, at);
          const sealed = cipher.sealRtp(slab, at, header.length, plain.length, roc);
          expect(sealed).toBe(aloneBytes);
          expect(Buffer.compare(slab.subarray(at, at + sealed), alone.subarray(0, sealed))).toBe(0);
          const others = [...slab.subarray(0, at), ...slab.subarray(at + SLOT_BYTES)];
          expect(others.every((b) => b === 0xee)).toBe(true);
        }),
        { numRuns: 200 },
      );
      cipher.free();
    });

    test("any order of packets of several streams is sealed as each packet alone", () => {
      const packet = fc.record({
        ssrc: fc.integer({ min: 1, max: 3 }),
        step: fc.oneof(
          { arbitrary: fc.constant(1), weight: 6 },
          { arbitrary: fc.integer({ min: -20, max: 40 }), weight: 1 },
        ),
        payloadBytes: fc.oneof(
          { arbitrary: fc.integer({ min: 0, max: 1200 }), weight: 6 },
          { arbitrary: fc.integer({ min: 2000, max: 4000 }), weight: 1 },
        ),
      });
      fc.assert(
        fc.property(fc.array(packet, { minLength: 30, maxLength: 60, size: "max" }), (packets) => {
          const cipher = create();
          // Near a rollover of the sequence numbers, and clear of it.
          const next = [0, 0xfff0, 0x7_fff8, 0];
          for (const { ssrc, step, payloadBytes } of packets) {
            const extSeq = Math.max(0, next[ssrc]! + step);
            next[ssrc] = extSeq;
            const plain = new Uint8Array(RTP_HEADER_BYTES + payloadBytes).fill(extSeq);
            plain.set([0x80, 96, extSeq >>> 8, extSeq, 0, 0, 0, 0, 0, 0, 0, ssrc]);
            const buf = framed(plain, 0, cipher.rtpTagBytes);
            const sealed = cipher.sealRtp(buf, 0, RTP_HEADER_BYTES, plain.length, extSeq >>> 16);
            const alone = create();
            expect(alone.openRtp(buf, 0, RTP_HEADER_BYTES, sealed, extSeq >>> 16)).toBe(plain.length);
            alone.free();
            expect(Buffer.compare(buf.subarray(0, plain.length), plain)).toBe(0);
          }
          cipher.free();
        }),
        { numRuns: 20 },
      );
    });

    test("packets of several ciphers, begun and finished together, are sealed as each alone", () => {
      const masters = [1, 2, 3].map((n) => ({ ...master, key: master.key.map((b) => b ^ n) }));
      const packet = fc.record({
        who: fc.nat({ max: 2 }),
        headerBytes: fc.integer({ min: RTP_HEADER_BYTES, max: 40 }),
        payloadBytes: fc.oneof(fc.constant(1100), fc.nat({ max: 2100 })),
        roc: fc.integer({ min: 0, max: 0xffffffff }),
        /** What else is done with ciphers before the next packet is begun. */
        between: fc.constantFrom("nothing", "seal RTP", "seal RTCP", "open RTP"),
      });
      fc.assert(
        fc.property(fc.array(packet, { maxLength: 10 }), (packets) => {
          const ciphers = masters.map((each) => factory.create(profile, each));
          const begun = packets.map(({ who, headerBytes, payloadBytes, roc, between }, seq) => {
            const plain = new Uint8Array(headerBytes + payloadBytes).fill(seq);
            plain.set([0x80, 96, 0, seq, 0, 0, 0, 0, 0, 0, 0, who]);
            const buf = framed(plain, seq, ciphers[who]!.rtpTagBytes);
            const size = ciphers[who]!.beginSealRtp(buf, seq, headerBytes, plain.length, roc);
            doBetween(ciphers[who]!, between);
            return { plain, buf, size };
          });
          factory.finishSealing();
          packets.forEach(({ who, headerBytes, roc }, seq) => {
            const { plain, buf, size } = begun[seq]!;
            const alone = factory.create(profile, masters[who]!);
            const expected = framed(plain, seq, alone.rtpTagBytes);
            expect(size).toBe(alone.sealRtp(expected, seq, headerBytes, plain.length, roc));
            expect(Buffer.compare(buf, expected)).toBe(0);
            alone.free();
          });
          for (const cipher of ciphers) cipher.free();
        }),
        { numRuns: 100 },
      );

      function doBetween(cipher: SrtpCipher, what: string): void {
        const buf = framed(PLAIN_RTP, 0, 32);
        if (what === "seal RTP") cipher.sealRtp(buf, 0, RTP_HEADER_BYTES, PLAIN_RTP.length, 9);
        if (what === "seal RTCP") cipher.sealRtcp(buf, 0, PLAIN_RTP.length, 9);
        if (what === "open RTP") cipher.openRtp(buf, 0, RTP_HEADER_BYTES, PLAIN_RTP.length + 16, 9);
      }
    });

    test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("each of %i rows of a ring goes out with its tag", (rows) => {
      const ciphers = [1, 2, 3].map((n) =>
        factory.create(profile, { ...master, key: master.key.map((b) => b ^ n) }),
      );
      const senders = ciphers.map((cipher) => new SrtpSender(cipher));
      const ring = new TransmitRing(rows + 2);
      const put = (session: number, seq: number): void => {
        const at = ring.reserve();
        ring.slab.set(PLAIN_RTP, at);
        ring.slab[at + 3] = seq;
        ring.commitRtp(PLAIN_RTP.length, 0 as PathId, session, RTP_HEADER_BYTES, 0x1200 + seq, 0);
      };
      for (let row = 0; row < rows; row++) put(row % 3, row);
      // One of a session that has ended, and one that is no SRTP.
      put(3, rows);
      put(NO_SESSION, rows + 1);

      expect(sealRing(ring, senders, factory)).toBe(1);
      const sizes = [...ring.bytes.subarray(0, rows + 2)];
      const sealedBytes = PLAIN_RTP.length + ciphers[0]!.rtpTagBytes;
      expect(sizes).toEqual([...new Array(rows).fill(sealedBytes), 0, PLAIN_RTP.length]);
      for (let row = 0; row < rows; row++) {
        const at = row * SLOT_BYTES;
        const opened = ciphers[row % 3]!.openRtp(ring.slab, at, RTP_HEADER_BYTES, sealedBytes, 0);
        expect(opened, `row ${row}`).toBe(PLAIN_RTP.length);
      }
      for (const cipher of ciphers) cipher.free();
    });

    test("seals a thousand streams in turns", () => {
      const cipher = create();
      for (let turn = 0; turn < 3; turn++) {
        for (let ssrc = 0; ssrc < 1000; ssrc++) {
          const plain = Uint8Array.from([
            0x80,
            96,
            0,
            turn,
            0,
            0,
            0,
            0,
            0,
            0,
            ssrc >>> 8,
            ssrc,
            1,
            2,
            3,
            4,
            5,
          ]);
          const buf = framed(plain, 0, cipher.rtpTagBytes);
          const sealed = cipher.sealRtp(buf, 0, RTP_HEADER_BYTES, plain.length, 0);
          expect(cipher.openRtp(buf, 0, RTP_HEADER_BYTES, sealed, 0)).toBe(plain.length);
          expect(hex(buf.subarray(0, plain.length))).toBe(hex(plain));
        }
      }
      cipher.free();
    });

    test("refuses every flipped bit, every truncation and a wrong ROC", () => {
      const cipher = create();
      for (let bit = 0; bit < rtp.length * 8; bit++) {
        const forged = rtp.slice();
        forged[bit >>> 3]! ^= 1 << (bit & 7);
        expect(cipher.openRtp(forged, 0, RTP_HEADER_BYTES, forged.length, 0), `RTP bit ${bit}`).toBe(-1);
      }
      for (let bit = 0; bit < rtcp.length * 8; bit++) {
        const forged = rtcp.slice();
        forged[bit >>> 3]! ^= 1 << (bit & 7);
        expect(cipher.openRtcp(forged, 0, forged.length), `RTCP bit ${bit}`).toBe(-1);
      }
      for (let length = RTP_HEADER_BYTES; length < rtp.length; length++) {
        expect(cipher.openRtp(rtp.slice(0, length), 0, RTP_HEADER_BYTES, length, 0), `RTP ${length}`).toBe(
          -1,
        );
      }
      for (let length = 0; length < rtcp.length; length++) {
        expect(cipher.openRtcp(rtcp.slice(0, length), 0, length), `RTCP ${length}`).toBe(-1);
      }
      expect(cipher.openRtp(rtp.slice(), 0, RTP_HEADER_BYTES, rtp.length, 1)).toBe(-1);
      cipher.free();
    });

    test("refuses authentic SRTCP that is not encrypted (E = 0)", () => {
      const cipher = create();
      const forged = tagOnlyRtcp(profile, master);
      expect(cipher.openRtcp(forged, 0, forged.length)).toBe(-1);
      cipher.free();
    });

    test("opens a good packet after a forged one", () => {
      const cipher = create();
      const forged = rtp.slice();
      forged[20]! ^= 1;
      expect(cipher.openRtp(forged, 0, RTP_HEADER_BYTES, forged.length, 0)).toBe(-1);
      expect(cipher.openRtp(rtp.slice(), 0, RTP_HEADER_BYTES, rtp.length, 0)).toBe(PLAIN_RTP.length);
      cipher.free();
    });

    test("keeps two ciphers apart", () => {
      const [one, other] = [
        create(),
        factory.create(profile, { ...master, key: master.key.map((b) => b ^ 1) }),
      ];
      expect(other.openRtp(rtp.slice(), 0, RTP_HEADER_BYTES, rtp.length, 0)).toBe(-1);
      other.free();
      expect(one.openRtp(rtp.slice(), 0, RTP_HEADER_BYTES, rtp.length, 0)).toBe(PLAIN_RTP.length);
      one.free();
    });

    describe("and werift", () => {
      const config = {
        keys: {
          localMasterKey: Buffer.from(master.key),
          localMasterSalt: Buffer.from(master.salt),
          remoteMasterKey: Buffer.from(master.key),
          remoteMasterSalt: Buffer.from(master.salt),
        },
        profile,
      };
      /** Sequence numbers that wrap once, so that the ROC is 0 and then 1. */
      const EXT_SEQS = Array.from({ length: 20 }, (_, i) => 0xfff6 + i);
      const plainPacket = (extSeq: number): RtpPacket =>
        new RtpPacket(
          new RtpHeader({ sequenceNumber: extSeq & 0xffff, ssrc: 0x1234abcd, timestamp: 7, payloadType: 96 }),
          Buffer.alloc(900, extSeq),
        );

      test("understand each other's RTP over a rollover", () => {
        const cipher = create();
        const werift = new SrtpSession(config);
        for (const extSeq of EXT_SEQS) {
          const { header, payload } = plainPacket(extSeq);
          const theirs = new Uint8Array(werift.encrypt(payload, header));
          const plain = cipher.openRtp(theirs, 0, RTP_HEADER_BYTES, theirs.length, extSeq >>> 16);
          expect(hex(theirs.subarray(0, plain)), `open ${extSeq}`).toBe(
            plainPacket(extSeq).serialize().toString("hex"),
          );
        }
        for (const extSeq of EXT_SEQS) {
          const plain = plainPacket(extSeq).serialize();
          const ours = framed(plain, 0, cipher.rtpTagBytes);
          const sealed = cipher.sealRtp(ours, 0, RTP_HEADER_BYTES, plain.length, extSeq >>> 16);
          const opened = werift.decrypt(Buffer.from(ours.subarray(0, sealed)));
          expect(opened.toString("hex"), `seal ${extSeq}`).toBe(plain.toString("hex"));
        }
        cipher.free();
      });

      test("understand each other's RTCP", () => {
        const cipher = create();
        const werift = new SrtcpSession(config);
        const plain = Buffer.from(PLAIN_RTCP);
        const theirs = new Uint8Array(werift.encrypt(plain));
        expect(cipher.openRtcp(theirs, 0, theirs.length)).toBe(plain.length);
        expect(hex(theirs.subarray(0, plain.length))).toBe(hex(plain));
        const ours = framed(plain, 0, cipher.rtcpTrailerBytes);
        const sealed = cipher.sealRtcp(ours, 0, plain.length, 77);
        expect(hex(werift.decrypt(Buffer.from(ours.subarray(0, sealed))))).toBe(hex(plain));
        cipher.free();
      });
    });
  });
}
