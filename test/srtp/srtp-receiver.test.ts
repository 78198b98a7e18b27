import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeU32 } from "../../src/base/bytes.ts";
import type { SrtpCipher } from "../../src/srtp/srtp-cipher.ts";
import {
  SRTP_AUTH_FAILED,
  SRTP_REPLAYED,
  SRTP_TOO_MANY_STREAMS,
  SrtpReceiver,
} from "../../src/srtp/srtp-receiver.ts";
import { cipherOf, HEADER_BYTES, PLAIN_BYTES, PROFILES, rtcpPacket, rtpPacket } from "./sessions.ts";

const SSRC = 0xcafebabe;

describe.each(PROFILES)("$name", ({ profile }) => {
  const sender = cipherOf(profile);

  /** A packet sealed as the 48-bit `index` of `ssrc`, whatever was sealed before. */
  function sealed(index: number, ssrc = SSRC): { packet: Uint8Array; length: number } {
    const packet = rtpPacket(ssrc, index % 0x10000);
    const length = sender.sealRtp(packet, 0, HEADER_BYTES, PLAIN_BYTES, Math.floor(index / 0x10000));
    return { packet, length };
  }

  function open(receiver: SrtpReceiver, index: number, ssrc = SSRC): number {
    const { packet, length } = sealed(index, ssrc);
    return receiver.openRtp(packet, { ssrc, seq: index % 0x10000, headerBytes: HEADER_BYTES }, length);
  }

  function sealedRtcp(index: number, ssrc = SSRC): { packet: Uint8Array; length: number } {
    const packet = rtcpPacket(ssrc);
    return { packet, length: sender.sealRtcp(packet, 0, PLAIN_BYTES, index) };
  }

  function openRtcp(receiver: SrtpReceiver, index: number, ssrc = SSRC): number {
    const { packet, length } = sealedRtcp(index, ssrc);
    return receiver.openRtcp(packet, length);
  }

  test.each([
    { name: "in order over a rollover", indices: [65534, 65535, 65536, 65537] },
    { name: "a loss of 336 over a rollover", indices: [65400, 65536 + 200] },
    { name: "a loss of 32,767 over a rollover", indices: [50000, 50000 + 32767] },
    { name: "reordered over a rollover", indices: [65534, 65537, 65535, 65536] },
    { name: "late packets of the rollover before", indices: [65530, 65536 + 50, 65531] },
    {
      name: "four rollovers",
      indices: [30000, 60000, 90000, 120000, 150000, 180000, 210000, 240000, 270000],
    },
    { name: "a start that straddles the first rollover", indices: [65535, 65536] },
    { name: "a reordered start that reads as a jump back", indices: [3, 65530] },
  ])("follows $name", ({ indices }) => {
    const receiver = new SrtpReceiver(cipherOf(profile));
    for (const index of indices) {
      expect(open(receiver, index), `index ${index}`).toBe(PLAIN_BYTES);
      expect(receiver.lastExtSeq).toBe(index);
    }
  });

  test("opens every packet once, whatever the order within the window", () => {
    const moves = fc.array(fc.integer({ min: -1000, max: 3000 }), {
      minLength: 1,
      maxLength: 60,
      size: "max",
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65535 }), moves, (start, steps) => {
        const receiver = new SrtpReceiver(cipherOf(profile));
        const opened = new Set<number>();
        let highest = start;
        expect(open(receiver, start)).toBe(PLAIN_BYTES);
        opened.add(start);
        for (const step of steps) {
          const index = Math.max(0, highest + step);
          if (index <= highest - 1024) continue;
          expect(open(receiver, index)).toBe(opened.has(index) ? SRTP_REPLAYED : PLAIN_BYTES);
          opened.add(index);
          highest = Math.max(highest, index);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("refuses replays, and packets older than the window", () => {
    const receiver = new SrtpReceiver(cipherOf(profile));
    for (const index of [1000, 1001, 2200]) expect(open(receiver, index)).toBe(PLAIN_BYTES);
    for (const index of [1000, 1001, 2200, 2200 - 1024]) expect(open(receiver, index)).toBe(SRTP_REPLAYED);
    expect(open(receiver, 2200 - 1023), "a repair, when a large key frame has passed").toBe(PLAIN_BYTES);
  });

  test("a forged packet changes nothing, even one that claims a far index or a new stream", () => {
    const receiver = new SrtpReceiver(cipherOf(profile), 1);
    for (let ssrc = 1; ssrc < 50; ssrc++) {
      const { packet, length } = sealed(7, ssrc);
      packet[HEADER_BYTES]! ^= 1;
      expect(receiver.openRtp(packet, { ssrc, seq: 7, headerBytes: HEADER_BYTES }, length)).toBe(
        SRTP_AUTH_FAILED,
      );
    }
    expect(open(receiver, 65535)).toBe(PLAIN_BYTES);
    for (const index of [65536, 65536 + 30000, 65000]) {
      const { packet, length } = sealed(index);
      packet[length - 1]! ^= 1;
      const header = { ssrc: SSRC, seq: index % 0x10000, headerBytes: HEADER_BYTES };
      expect(receiver.openRtp(packet, header, length)).toBeLessThan(0);
      expect(receiver.lastExtSeq).toBe(65535);
    }
    expect(open(receiver, 65536)).toBe(PLAIN_BYTES);
  });

  test("limits streams, RTP and RTCP apart, and forgets none", () => {
    const receiver = new SrtpReceiver(cipherOf(profile), 2);
    for (const ssrc of [1, 2]) {
      expect(open(receiver, 5, ssrc)).toBe(PLAIN_BYTES);
      expect(openRtcp(receiver, 5, ssrc)).toBe(PLAIN_BYTES);
    }
    expect(open(receiver, 5, 3)).toBe(SRTP_TOO_MANY_STREAMS);
    expect(openRtcp(receiver, 5, 3)).toBe(SRTP_TOO_MANY_STREAMS);
    expect(open(receiver, 6, 1)).toBe(PLAIN_BYTES);
  });

  test("SRTCP: every index once, forged and short packets refused", () => {
    const receiver = new SrtpReceiver(cipherOf(profile));
    for (const index of [0, 1, 5, 3, 2 ** 31 - 1]) expect(openRtcp(receiver, index)).toBe(PLAIN_BYTES);
    for (const index of [0, 1, 2 ** 31 - 1]) expect(openRtcp(receiver, index)).toBe(SRTP_REPLAYED);
    // Never received, but older than the window.
    expect(openRtcp(receiver, 6)).toBe(SRTP_REPLAYED);
    expect(openRtcp(receiver, 0, SSRC + 1)).toBe(PLAIN_BYTES);

    const { packet, length } = sealedRtcp(9, SSRC + 1);
    for (let short = 0; short < length; short++) {
      expect(receiver.openRtcp(packet.slice(0, short), short)).toBe(SRTP_AUTH_FAILED);
    }
    expect(receiver.openRtcp(packet, length)).toBe(PLAIN_BYTES);
  });

  test("SRTCP: a report about nothing, which is a header alone", () => {
    const packet = rtcpPacket(SSRC);
    packet.set([0x80, 201, 0, 1]);
    const length = sender.sealRtcp(packet, 0, 8, 0);
    expect(new SrtpReceiver(cipherOf(profile)).openRtcp(packet, length)).toBe(8);
  });

  test("arbitrary bytes are refused and never throw", () => {
    const receiver = new SrtpReceiver(cipherOf(profile));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100, size: "max" }), fc.nat(0xffff), (packet, seq) => {
        const headerBytes = Math.min(HEADER_BYTES, packet.length);
        expect(receiver.openRtp(packet, { ssrc: 1, seq, headerBytes }, packet.length)).toBe(SRTP_AUTH_FAILED);
        expect(receiver.openRtcp(packet, packet.length)).toBe(SRTP_AUTH_FAILED);
      }),
    );
  });
});

/** Takes every packet for authentic: what is tested with it is only which ones are asked for. */
const TRUSTING: SrtpCipher = {
  rtpTagBytes: 16,
  rtcpTrailerBytes: 20,
  rtcpIndexFromEnd: 4,
  openRtp: (_buf, _at, _headerBytes, bytes) => bytes,
  openRtcp: (_buf, _at, bytes) => bytes,
  sealRtp: () => -1,
  beginSealRtp: () => -1,
  sealRtcp: () => -1,
  free() {},
};

/** The packets that a session of `TRUSTING` takes: `index` of `ssrc`, which is then `lastExtSeq`, or a negative code. */
function trustingSession(maxStreams?: number): {
  receiver: SrtpReceiver;
  open(index: number, ssrc: number): number;
  openRtcp(index: number, ssrc: number): number;
} {
  const receiver = new SrtpReceiver(TRUSTING, maxStreams);
  return {
    receiver,
    open: (index, ssrc) =>
      receiver.openRtp(
        rtpPacket(ssrc, 0),
        { ssrc, seq: index % 0x10000, headerBytes: HEADER_BYTES },
        PLAIN_BYTES,
      ),
    openRtcp(index, ssrc) {
      const packet = rtcpPacket(ssrc);
      writeU32(packet, PLAIN_BYTES - TRUSTING.rtcpIndexFromEnd, index);
      return receiver.openRtcp(packet, PLAIN_BYTES);
    },
  };
}

test("serves a session that publishes anew ten thousand times, and takes no packet of any stream twice", () => {
  const { receiver, open, openRtcp } = trustingSession();
  const streams = 10_000;
  for (let ssrc = 1; ssrc <= streams; ssrc++) {
    // One goes on all the time.
    const opened = [open(65_000 + ssrc, SSRC), open(60_000, ssrc), openRtcp(5, ssrc)];
    expect(opened).toEqual([PLAIN_BYTES, PLAIN_BYTES, PLAIN_BYTES]);
  }
  for (const ssrc of [1, streams / 2, streams]) {
    expect([open(60_000, ssrc), openRtcp(5, ssrc)]).toEqual([SRTP_REPLAYED, SRTP_REPLAYED]);
    // Over a rollover, from where it was.
    for (const index of [65_536 + 3, 65_536 + 1]) {
      expect(open(index, ssrc)).toBe(PLAIN_BYTES);
      expect(receiver.lastExtSeq).toBe(index);
      expect(open(index, ssrc)).toBe(SRTP_REPLAYED);
    }
  }
});

/** A gap of each stream shows whether it has a window: without one, all below its highest index counts as received. */
test("of many streams the latest have a window each, and the others get one again when they go on", () => {
  const { open, openRtcp } = trustingSession();
  const windows = 1024;
  const begin = (ssrc: number): void => {
    for (const index of [10, 20])
      expect([open(index, ssrc), openRtcp(index, ssrc)]).toEqual([PLAIN_BYTES, PLAIN_BYTES]);
  };
  const hasWindow = (ssrc: number, gap: number): boolean => {
    const results = [open(gap, ssrc), openRtcp(gap, ssrc)];
    expect(new Set(results).size, "RTP and RTCP alike").toBe(1);
    return results[0] === PLAIN_BYTES;
  };
  for (let ssrc = 1; ssrc <= windows; ssrc++) begin(ssrc);
  expect(hasWindow(1, 11)).toBe(true);
  begin(windows + 1);
  expect([1, 2, windows + 1].map((ssrc) => hasWindow(ssrc, 12))).toEqual([false, true, true]);

  // The first goes on: it has the youngest window, and the second, which now has the oldest, gives its own up.
  expect([open(30, 1), openRtcp(30, 1)]).toEqual([PLAIN_BYTES, PLAIN_BYTES]);
  expect([1, 2, 3].map((ssrc) => hasWindow(ssrc, 19))).toEqual([false, false, true]);
  expect(hasWindow(1, 25)).toBe(true);
});

test("at the limit of streams, one that has no window any more may go on, and a new one may not", () => {
  // More than have a window.
  const streams = 1_100;
  const { open } = trustingSession(streams);
  for (let ssrc = 1; ssrc <= streams; ssrc++) expect(open(5, ssrc)).toBe(PLAIN_BYTES);
  for (const ssrc of [streams + 1, 0]) expect(open(5, ssrc)).toBe(SRTP_TOO_MANY_STREAMS);
  for (const ssrc of [1, 2, streams]) expect(open(6, ssrc)).toBe(PLAIN_BYTES);
  expect(open(7, streams + 1)).toBe(SRTP_TOO_MANY_STREAMS);
});
