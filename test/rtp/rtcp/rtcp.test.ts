/**
 * Goal: compound RTCP is split exactly, and each packet is read and written as its RFC lays it out.
 * Method: golden packets by hand; every truncation; round trips of arbitrary contents.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readU32 } from "../../../src/base/bytes.ts";
import {
  readDlrr,
  readReferenceTime,
  readSenderSsrc,
  writeDlrr,
  writeReferenceTime,
} from "../../../src/rtp/rtcp/extended-reports.ts";
import {
  readFir,
  readMediaSsrc,
  readNack,
  writeFir,
  writeNack,
  writePli,
} from "../../../src/rtp/rtcp/feedback.ts";
import { readRemb, writeRemb } from "../../../src/rtp/rtcp/remb.ts";
import {
  readBye,
  readReportBlocks,
  readSenderInfo,
  writeBye,
  writeCname,
  writeReceiverReport,
  writeSenderReport,
} from "../../../src/rtp/rtcp/reports.ts";
import { FEEDBACK, RTCP, RtcpCursor } from "../../../src/rtp/rtcp/rtcp-cursor.ts";
import { hex, toHex } from "../hex.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });

/** A cursor that stands on the only packet of `bytes`. */
function on(bytes: Uint8Array): RtcpCursor {
  const cursor = new RtcpCursor();
  cursor.reset(bytes, bytes.length);
  expect(cursor.next()).toBe(true);
  expect(cursor.bytes).toBe(bytes.length);
  return cursor;
}

/** What `write` puts behind some bytes that it must leave alone. */
function written(write: (out: Uint8Array, at: number) => number): Uint8Array {
  const out = new Uint8Array(1600).fill(0xee);
  const end = write(out, 4);
  expect(toHex(out.subarray(0, 4))).toBe("eeeeeeee");
  expect(out.subarray(end).every((byte) => byte === 0xee)).toBe(true);
  return out.slice(4, end);
}

function nacked(bytes: Uint8Array): number[] {
  const seqs: number[] = [];
  readNack(bytes, on(bytes), (seq) => seqs.push(seq));
  return seqs;
}

describe("compound packets", () => {
  /** "type/count at+bytes" of each packet, and whether the datagram ended as it should. */
  const cursor = new RtcpCursor();
  function split(text: string): string[] {
    const bytes = hex(text);
    cursor.reset(bytes, bytes.length);
    const found: string[] = [];
    while (cursor.next()) found.push(`${cursor.packetType}/${cursor.count} ${cursor.at}+${cursor.bytes}`);
    return [...found, cursor.complete ? "end" : "malformed"];
  }

  test.each([
    {
      name: "NACK and PLI",
      text: "81cd0003 00000001 00000002 00640000 81ce0002 00000001 00000002",
      found: ["205/1 0+16", "206/1 16+12", "end"],
    },
    { name: "an empty RR", text: "80c90001 00000001", found: ["201/0 0+8", "end"] },
    { name: "padding left out", text: "a0c90002 00000001 00000004", found: ["201/0 0+8", "end"] },
    {
      name: "padding of an odd size (libwebrtc aligns with it)",
      text: "afcd0001 00000001",
      found: ["205/15 0+7", "end"],
    },
    {
      name: "a type that nobody knows",
      text: "80ff0000 80c90001 00000001",
      found: ["255/0 0+4", "201/0 4+8", "end"],
    },
    { name: "nothing", text: "", found: ["end"] },
    { name: "two bytes too many", text: "80c90001 00000001 0000", found: ["201/0 0+8", "malformed"] },
    { name: "another version", text: "40c90001 00000001", found: ["malformed"] },
    { name: "a length beyond the datagram", text: "80c90002 00000001", found: ["malformed"] },
    { name: "padding of nothing", text: "a0c90002 00000001 00000000", found: ["malformed"] },
    { name: "padding longer than the packet", text: "a0c90002 00000001 00000009", found: ["malformed"] },
    { name: "one byte", text: "7f", found: ["malformed"] },
    { name: "three bytes", text: "81cd00", found: ["malformed"] },
  ])("$name", ({ text, found }) => {
    expect(split(text)).toEqual(found);
  });

  test("the NACK in front of a PLI names one packet only", () => {
    const bytes = hex("81cd0003 00000001 00000002 00640000 81ce0002 00000001 00000002");
    const cursor = new RtcpCursor();
    cursor.reset(bytes, bytes.length);
    cursor.next();
    const seqs: number[] = [];
    readNack(bytes, cursor, (seq) => seqs.push(seq));
    expect(seqs).toEqual([100]);
    expect(readMediaSsrc(bytes, cursor)).toBe(2);
  });

  test("arbitrary bytes are split within bounds, and no reader throws", () => {
    const cursor = new RtcpCursor();
    const type = fc.integer({ min: 199, max: 208 });
    const bytes = fc.tuple(type, fc.nat(31), fc.nat(12), fc.uint8Array({ maxLength: 60, size: "max" }));
    fc.assert(
      fc.property(bytes, ([packetType, count, words, rest]) => {
        const packet = Uint8Array.of(0x80 | count, packetType, 0, words, ...rest);
        cursor.reset(packet, packet.length);
        while (cursor.next()) {
          expect(cursor.at + cursor.bytes).toBeLessThanOrEqual(packet.length);
          readSenderInfo(packet, cursor);
          readReportBlocks(packet, cursor);
          readBye(packet, cursor);
          readMediaSsrc(packet, cursor);
          readNack(packet, cursor, () => {});
          readFir(packet, cursor);
          readRemb(packet, cursor);
          readReferenceTime(packet, cursor);
          readDlrr(packet, cursor);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("reports (RFC 3550 §6.4)", () => {
  const SR =
    "81c8000c 11111111 e0000001 80000000 00002710 00000064 0000c350" +
    "22222222 40 fffffe 0001ffff 00000010 12345678 00010000";

  test("a sender report", () => {
    const bytes = hex(SR);
    expect(readSenderInfo(bytes, on(bytes))).toEqual({
      ssrc: 0x11111111,
      ntpUs: 0xe0000001 * 1_000_000 + 500_000,
      timestamp: 10_000,
      packets: 100,
      payloadBytes: 50_000,
    });
    expect(readReportBlocks(bytes, on(bytes))).toEqual([
      {
        ssrc: 0x22222222,
        fractionLost: 64,
        cumulativeLost: -2,
        highestSeq: 0x1ffff,
        jitter: 16,
        lastSr: 0x12345678,
        delaySinceLastSr: 65_536,
      },
    ]);
  });

  test.each([
    { name: "SR without sender info", text: "80c80001 11111111" },
    { name: "SR that claims a block", text: `81c80006${SR.slice(8, 62)}` },
    { name: "RR that claims a block", text: "81c90001 11111111" },
    { name: "RR of one block that claims two", text: `82c90007 11111111 ${SR.slice(62)}` },
  ])("$name is refused", ({ text }) => {
    const bytes = hex(text);
    const cursor = on(bytes);
    const info = cursor.packetType === RTCP.senderReport ? readSenderInfo(bytes, cursor) : {};
    expect(info === undefined || readReportBlocks(bytes, cursor) === undefined).toBe(true);
  });

  test("sender info that is cut short is none, whatever follows in the datagram", () => {
    const bytes = hex("80c80005 11111111 e0000001 80000000 00000001 00000002 80cb0001 00000007");
    const cursor = new RtcpCursor();
    cursor.reset(bytes, bytes.length);
    expect(cursor.next()).toBe(true);
    expect(readSenderInfo(bytes, cursor)).toBeUndefined();
  });

  test("what is written is read again", () => {
    const block = fc.record({
      ssrc: u32,
      fractionLost: fc.nat(255),
      cumulativeLost: fc.integer({ min: -0x800000, max: 0x7fffff }),
      highestSeq: u32,
      jitter: u32,
      lastSr: u32,
      delaySinceLastSr: u32,
    });
    fc.assert(
      fc.property(u32, fc.array(block, { maxLength: 31, size: "max" }), (ssrc, blocks) => {
        const bytes = written((out, at) => writeReceiverReport(out, at, ssrc, blocks));
        expect(readReportBlocks(bytes, on(bytes))).toEqual(blocks);
        expect(readU32(bytes, 4)).toBe(ssrc);
      }),
    );
    const info = fc.record({
      ssrc: u32,
      ntpUs: fc.nat(2 ** 51),
      timestamp: u32,
      packets: u32,
      payloadBytes: u32,
    });
    fc.assert(
      fc.property(info, (sent) => {
        const bytes = written((out, at) => writeSenderReport(out, at, sent));
        const ntpUs = sent.ntpUs % (2 ** 32 * 1_000_000);
        expect(readSenderInfo(bytes, on(bytes))).toEqual({ ...sent, ntpUs });
        expect(readReportBlocks(bytes, on(bytes))).toEqual([]);
      }),
    );
  });
});

describe("SDES and BYE (RFC 3550 §6.5, §6.6)", () => {
  test.each([
    { cname: "61", text: "81ca0002 00000005 01 01 61 00" },
    { cname: "6162", text: "81ca0003 00000005 01 02 6162 00000000" },
    { cname: "", text: "81ca0002 00000005 01 00 0000" },
  ])("a CNAME of $cname ends with null bytes on a whole word", ({ cname, text }) => {
    expect(toHex(written((out, at) => writeCname(out, at, 5, hex(cname))))).toBe(toHex(hex(text)));
  });

  test("a CNAME is cut at 255 bytes", () => {
    const bytes = written((out, at) => writeCname(out, at, 5, new Uint8Array(300).fill(0x61)));
    expect(bytes[9]).toBe(255);
    expect(bytes.length).toBe(268);
  });

  test("a BYE", () => {
    expect(toHex(written((out, at) => writeBye(out, at, 7)))).toBe("81cb000100000007");
    expect(readBye(hex("81cb0001 00000007"), on(hex("81cb0001 00000007")))).toEqual([7]);
    const bytes = hex("82cb0003 00000007 00000008 03 627965");
    expect(readBye(bytes, on(bytes))).toEqual([7, 8]);
    const cut = hex("82cb0001 00000007");
    expect(readBye(cut, on(cut))).toBeUndefined();
  });
});

describe("feedback (RFC 4585, RFC 5104)", () => {
  test.each([
    { seqs: [100], items: "0064 0000" },
    { seqs: [100, 101, 116], items: "0064 8001" },
    { seqs: [100, 117], items: "0064 0000 0075 0000" },
    { seqs: [65_534, 65_535, 0, 14], items: "fffe 8003" },
    { seqs: [65_534, 0, 15], items: "fffe 0002 000f 0000" },
    { seqs: [0, 40_000], items: "0000 0000 9c40 0000" },
  ])("NACK of $seqs", ({ seqs, items }) => {
    const bytes = written((out, at) => writeNack(out, at, 1, 2, Uint16Array.from(seqs), seqs.length));
    expect(toHex(bytes.subarray(12))).toBe(toHex(hex(items)));
    expect(nacked(bytes)).toEqual(seqs);
  });

  test("a NACK names what was asked for, across the wrap", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 128, size: "max" });
    fc.assert(
      fc.property(fc.nat(0xffff), steps, (first, gaps) => {
        let seq = first;
        const seqs = Uint16Array.from(gaps, (gap) => (seq += gap));
        const bytes = written((out, at) => writeNack(out, at, 1, 2, seqs, seqs.length));
        expect(nacked(bytes)).toEqual([...seqs]);
      }),
    );
  });

  test("a PLI", () => {
    const bytes = written((out, at) => writePli(out, at, 1, 2));
    expect(toHex(bytes)).toBe("81ce00020000000100000002");
    expect(on(bytes)).toMatchObject({ packetType: RTCP.payloadFeedback, count: FEEDBACK.pli });
    expect(readMediaSsrc(bytes, on(bytes))).toBe(2);
  });

  test("a FIR asks each of its streams", () => {
    const bytes = hex("84ce0006 00000001 00000000 0000000a 05000000 0000000b 06000000");
    expect(on(bytes).count).toBe(FEEDBACK.fir);
    expect(readFir(bytes, on(bytes))).toEqual([10, 11]);
  });

  test("a FIR is written with its own target and request number", () => {
    const bytes = written((out, at) => writeFir(out, at, 1, 0xfedcba98, 0xff));
    expect(toHex(bytes)).toBe("84ce00040000000100000000fedcba98ff000000");
    expect(readFir(bytes, on(bytes))).toEqual([0xfedcba98]);
  });

  test("feedback without a media source is refused", () => {
    const bytes = hex("81ce0001 00000001");
    expect(readMediaSsrc(bytes, on(bytes))).toBeUndefined();
    expect(readFir(bytes, on(bytes))).toEqual([]);
  });
});

describe("REMB", () => {
  test("the layout of the draft", () => {
    const bytes = hex("8fce0005 00000001 00000000 52454d42 01 0bd090 00000002");
    expect(on(bytes)).toMatchObject({ packetType: RTCP.payloadFeedback, count: FEEDBACK.application });
    // Exponent 2, mantissa 0x3d090.
    expect(readRemb(bytes, on(bytes))).toEqual({ bps: 1_000_000, ssrcs: [2] });
  });

  test.each([
    { name: "another application's message", text: "8fce0005 00000001 00000000 41424344 01 0bd090 00000002" },
    { name: "one cut short", text: "8fce0003 00000001 00000000 52454d42" },
    {
      name: "one with fewer streams than it says",
      text: "8fce0005 00000001 00000000 52454d42 02 0bd090 00000002",
    },
  ])("$name is none", ({ text }) => {
    expect(readRemb(hex(text), on(hex(text)))).toBeUndefined();
  });

  test("the largest mantissa is not rounded", () => {
    const bytes = written((out, at) => writeRemb(out, at, 1, 0x3ffff, []));
    expect(toHex(bytes.subarray(16))).toBe("0003ffff");
  });

  test("what is written is read again, less what 18 bits cannot hold", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.array(u32, { maxLength: 8 }), (bitrateBps, ssrcs) => {
        const bytes = written((out, at) => writeRemb(out, at, 1, bitrateBps, ssrcs));
        const got = readRemb(bytes, on(bytes))!;
        expect(got.bps).toBeLessThanOrEqual(bitrateBps);
        expect(bitrateBps - got.bps).toBeLessThanOrEqual(bitrateBps / 2 ** 17);
        expect(got.ssrcs).toEqual(ssrcs);
      }),
    );
  });
});

describe("extended reports (RFC 3611)", () => {
  test("a reference time", () => {
    const bytes = written((out, at) => writeReferenceTime(out, at, 1, 0xe0000001 * 1_000_000 + 500_000));
    expect(toHex(bytes)).toBe(toHex(hex("80cf0004 00000001 04000002 e0000001 80000000")));
    expect(readReferenceTime(bytes, on(bytes))).toBe(0xe0000001 * 1_000_000 + 500_000);
    expect(readDlrr(bytes, on(bytes))).toEqual([]);
  });

  test("answers to two receivers", () => {
    const answers = [
      { ssrc: 7, lastReferenceTime: 0x00018000, delay: 655 },
      { ssrc: 8, lastReferenceTime: 0, delay: 0 },
    ];
    const bytes = written((out, at) => writeDlrr(out, at, 1, answers));
    expect(toHex(bytes)).toBe(
      toHex(hex("80cf0008 00000001 05000006 00000007 00018000 0000028f 00000008 00000000 00000000")),
    );
    expect(readDlrr(bytes, on(bytes))).toEqual(answers);
    expect(readReferenceTime(bytes, on(bytes))).toBeUndefined();
  });

  test("the sender, and none where the report is cut short", () => {
    expect(readSenderSsrc(hex("80cf0001 deadbeef"), on(hex("80cf0001 deadbeef")))).toBe(0xdeadbeef);
    // What follows in the datagram is not this report's.
    const bytes = hex("80cf0000 80cb0001 00000007");
    const cursor = new RtcpCursor();
    cursor.reset(bytes, bytes.length);
    expect(cursor.next()).toBe(true);
    expect(readSenderSsrc(bytes, cursor)).toBeUndefined();
  });

  test("a block behind one of another type", () => {
    const bytes = hex("80cf0006 00000001 63000001 ffffffff 04000002 00000001 00000000");
    expect(readReferenceTime(bytes, on(bytes))).toBe(1_000_000);
  });

  test.each([
    { name: "a block longer than the packet", text: "80cf0004 00000001 04000003 00000001 00000000" },
    { name: "a reference time too short for one", text: "80cf0003 00000001 04000001 00000001" },
    { name: "no block", text: "80cf0001 00000001" },
  ])("$name gives nothing", ({ text }) => {
    expect(readReferenceTime(hex(text), on(hex(text)))).toBeUndefined();
    expect(readDlrr(hex(text), on(hex(text)))).toEqual([]);
  });
});
