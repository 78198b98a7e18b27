import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readU16, readU32 } from "../../src/base/bytes.ts";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";
import { SrtpReceiver } from "../../src/srtp/srtp-receiver.ts";
import { SRTP_REFUSED, SrtpSender } from "../../src/srtp/srtp-sender.ts";
import { cipherOf, HEADER_BYTES, PLAIN_BYTES, PROFILES, rtcpPacket, rtpPacket } from "./sessions.ts";

const SSRC = 77;

/** Both ways to seal a packet: each counts what the other has sealed. */
const WAYS = ["sealRtp", "beginSealRtp"] as const;
type Way = (typeof WAYS)[number];

function seal(sender: SrtpSender, way: Way, extSeq: number, ssrc = SSRC): number {
  return sender[way](rtpPacket(ssrc, extSeq % 0x10000), 0, HEADER_BYTES, PLAIN_BYTES, extSeq);
}

/** A cipher that keeps the nonces it was asked to use instead of encrypting. */
function recordingCipher(nonces: string[]): SrtpCipher {
  const sealRtp = (buf: Uint8Array, at: number, _headerBytes: number, bytes: number, roc: number): number => {
    nonces.push(`rtp ${readU32(buf, at + 8)} ${roc} ${readU16(buf, at + 2)}`);
    return bytes + 16;
  };
  return {
    rtpTagBytes: 16,
    rtcpTrailerBytes: 20,
    rtcpIndexFromEnd: 4,
    sealRtp,
    beginSealRtp: sealRtp,
    sealRtcp(buf, at, bytes, index) {
      nonces.push(`rtcp ${readU32(buf, at + 4)} ${index}`);
      return bytes + 20;
    },
    openRtp: () => -1,
    openRtcp: () => -1,
    free() {},
  };
}

test("no nonce is used twice, whatever is asked for", () => {
  const ask = fc.record({
    way: fc.constantFrom(...WAYS),
    ssrc: fc.integer({ min: 1, max: 3 }),
    jump: fc.oneof(
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: -2000, max: 2000 }),
      fc.integer({ min: -200_000, max: 200_000 }),
    ),
    retire: fc.integer({ min: 0, max: 200 }).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 200, size: "max" }), (asks) => {
      const nonces: string[] = [];
      const sender = new SrtpSender(recordingCipher(nonces));
      let extSeq = 65000;
      let sealed = 0;
      for (const { way, ssrc, jump, retire } of asks) {
        extSeq = Math.max(0, extSeq + jump);
        if (seal(sender, way, extSeq, ssrc) !== SRTP_REFUSED) sealed += 1;
        sender.sealRtcp(rtcpPacket(ssrc), 0, PLAIN_BYTES);
        if (retire) sender.retire(ssrc);
      }
      expect(nonces.length).toBe(sealed + asks.length);
      expect(new Set(nonces).size).toBe(nonces.length);
    }),
  );
});

describe.each(WAYS)("%s", (way) => {
  test.each([
    { name: "the same number twice", extSeqs: [5, 5], last: "refused" },
    { name: "the next", extSeqs: [5, 6], last: "sealed" },
    { name: "a late packet in a gap", extSeqs: [5, 7, 6], last: "sealed" },
    { name: "the same wire number one cycle on", extSeqs: [5, 65536 + 5], last: "sealed" },
    { name: "a packet as late as the window", extSeqs: [2000, 2000 - 1023], last: "sealed" },
    { name: "a packet later than the window", extSeqs: [2000, 2000 - 1024], last: "refused" },
    { name: "a negative number", extSeqs: [-1], last: "refused" },
    { name: "no number", extSeqs: [Number.NaN], last: "refused" },
    { name: "the last index of the key", extSeqs: [2 ** 48 - 1], last: "sealed" },
    { name: "an index beyond 48 bits", extSeqs: [2 ** 48], last: "refused" },
  ] as const)("$name is $last", ({ extSeqs, last }) => {
    const sender = new SrtpSender(cipherOf(PROFILES[1].profile));
    const results = extSeqs.map((extSeq) => seal(sender, way, extSeq));
    expect(results.at(-1)).toBe(last === "refused" ? SRTP_REFUSED : PLAIN_BYTES + 16);
  });

  test("refuses a header whose sequence number is not the extended one, and writes nothing", () => {
    const sender = new SrtpSender(cipherOf(PROFILES[1].profile));
    const packet = rtpPacket(SSRC, 5);
    const before = packet.slice();
    expect(sender[way](packet, 0, HEADER_BYTES, PLAIN_BYTES, 65536 + 6)).toBe(SRTP_REFUSED);
    expect(packet).toEqual(before);
  });

  test("a retired stream is never sealed again", () => {
    const sender = new SrtpSender(cipherOf(PROFILES[1].profile));
    expect(seal(sender, way, 1000)).not.toBe(SRTP_REFUSED);
    sender.retire(SSRC);
    for (const extSeq of [0, 1, 1001, 100_000, 2 ** 48 - 1])
      expect(seal(sender, way, extSeq)).toBe(SRTP_REFUSED);
    expect(seal(sender, way, 1, SSRC + 1)).not.toBe(SRTP_REFUSED);
  });
});

test("seals no RTCP beyond the 2^31 packets of a key", () => {
  const nonces: string[] = [];
  const sender = new SrtpSender(recordingCipher(nonces), 2 ** 31 - 2);
  const sizes = [0, 1, 2, 3].map(() => sender.sealRtcp(rtcpPacket(SSRC), 0, PLAIN_BYTES));
  expect(sizes).toEqual([PLAIN_BYTES + 20, PLAIN_BYTES + 20, SRTP_REFUSED, SRTP_REFUSED]);
  expect(nonces).toEqual([`rtcp ${SSRC} ${2 ** 31 - 2}`, `rtcp ${SSRC} ${2 ** 31 - 1}`]);
});

describe.each(PROFILES)("$name", ({ profile }) => {
  test("a receiver opens what it seals, over rollovers, gaps and at an offset", () => {
    const sender = new SrtpSender(cipherOf(profile));
    const receiver = new SrtpReceiver(cipherOf(profile));
    for (let extSeq = 30_000; extSeq < 400_000; extSeq += 4_999) {
      const slab = new Uint8Array(200);
      const seq = extSeq % 0x10000;
      slab.set(rtpPacket(SSRC, seq), 100);
      const length = sender.sealRtp(slab, 100, HEADER_BYTES, PLAIN_BYTES, extSeq);
      const received = slab.slice(100);
      expect(receiver.openRtp(received, { ssrc: SSRC, seq, headerBytes: HEADER_BYTES }, length)).toBe(
        PLAIN_BYTES,
      );
      expect(received.subarray(0, PLAIN_BYTES)).toEqual(rtpPacket(SSRC, seq).subarray(0, PLAIN_BYTES));
      expect(receiver.lastExtSeq).toBe(extSeq);
    }
    for (let i = 0; i < 300; i++) {
      const packet = rtcpPacket(SSRC + (i % 3));
      const length = sender.sealRtcp(packet, 0, PLAIN_BYTES);
      expect(receiver.openRtcp(packet, length)).toBe(PLAIN_BYTES);
    }
  });
});
