import { beforeEach, expect, test } from "vitest";
import { FATE, NO_STREAM, SentPacketLog, UNKNOWN_PACKET } from "../../src/cc/sent-packet-log.ts";

const FIRST = 0x10000;

let log: SentPacketLog;

beforeEach(() => {
  log = new SentPacketLog();
});

function send(packets: number): void {
  for (let i = 0; i < packets; i++) log.onSent(100 + (i % 7), log.nextExtSeq, NO_STREAM, 0);
}

test.each([
  { name: "nothing was sent", sent: 0, seq: 0, found: UNKNOWN_PACKET },
  { name: "the only one", sent: 1, seq: 0, found: FIRST },
  { name: "the next one", sent: 1, seq: 1, found: UNKNOWN_PACKET },
  { name: "one before the first", sent: 10, seq: 0xffff, found: UNKNOWN_PACKET },
  { name: "the newest", sent: 5_000, seq: 4_999, found: FIRST + 4_999 },
  { name: "the oldest remembered", sent: 5_000, seq: 5_000 - 2_048, found: FIRST + 5_000 - 2_048 },
  { name: "one forgotten", sent: 5_000, seq: 5_000 - 2_049, found: UNKNOWN_PACKET },
  { name: "the last before the wrap", sent: 66_000, seq: 0xffff, found: FIRST + 0xffff },
  { name: "one behind the wrap", sent: 66_000, seq: 3, found: FIRST + 0x10003 },
])("finds $name", ({ sent, seq, found }) => {
  send(sent);
  const extSeq = log.extend(seq);
  expect(extSeq >= log.oldestExtSeq && extSeq < log.nextExtSeq ? extSeq : UNKNOWN_PACKET).toBe(found);
  if (found === UNKNOWN_PACKET) return;
  expect(log.sentUs(found)).toBe(found);
  expect(log.bytes(found)).toBe(100 + ((found - FIRST) % 7));
  expect(log.fate(found)).toBe(FATE.unknown);
});

test("a packet that came after it was called lost or passed over has come, and stays so", () => {
  send(4);
  log.setLost(FIRST + 2, 2);
  expect(log.setUnreported(FIRST, FIRST + 4)).toBe(102 + 103);
  for (let i = 0; i < 4; i++) log.setReceived(FIRST + i);
  log.setLost(FIRST + 4, 4);
  expect(log.setUnreported(FIRST, FIRST + 4)).toBe(0);
  expect([0, 1, 2, 3].map((i) => log.fate(FIRST + i))).toEqual(Array(4).fill(FATE.received));
});

test("losses beyond memory touch nobody else's row", () => {
  send(3_000);
  log.setLost(FIRST + 1_000, 65_000);
  expect(log.fate(FIRST + 999)).toBe(FATE.lost);
  expect(log.fate(FIRST + 1_000)).toBe(FATE.unknown);
  expect(log.fate(FIRST + 2_999)).toBe(FATE.unknown);
});

test("nor do losses of what was never sent", () => {
  send(2_048);
  log.setLost(FIRST + 2_048 + 10, 12);
  expect([0, 9, 2_045].map((packet) => log.fate(FIRST + packet))).toEqual(Array(3).fill(FATE.unknown));
  expect([2_046, 2_047].map((packet) => log.fate(FIRST + packet))).toEqual([FATE.lost, FATE.lost]);
  send(1);
  expect(log.fate(FIRST + 2_048)).toBe(FATE.unknown);
});

test("what feedback has skipped beyond memory is counted nowhere, and later packets are not touched", () => {
  send(5_000);
  const remembered = log.setUnreported(FIRST + 1, FIRST + 4_000);
  let bytes = 0;
  for (let packet = 5_000 - 2_048; packet < 4_000; packet++) bytes += log.bytes(FIRST + packet);
  expect(remembered).toBe(bytes);
  expect([4_000, 4_999].map((packet) => log.fate(FIRST + packet))).toEqual([FATE.unknown, FATE.unknown]);
});

test("tells which packet of which stream left under a number, whatever became of it", () => {
  log.onSent(65_000, 1, 0xffff_fffe, 0x12_3456);
  log.onSent(28, 2, NO_STREAM, 7);
  log.setReceived(FIRST);
  log.setLost(FIRST + 2, 1);
  expect([log.ssrc(FIRST), log.streamExtSeq(FIRST), log.bytes(FIRST)]).toEqual([
    0xffff_fffe, 0x12_3456, 65_000,
  ]);
  expect([log.ssrc(FIRST + 1), log.bytes(FIRST + 1)]).toEqual([NO_STREAM, 28]);
  expect(log.lastSentUs).toBe(2);
});

test("counts the lost bytes of a range, after a time", () => {
  send(10);
  log.setLost(FIRST + 6, 4);
  expect(log.lostBytes(FIRST, FIRST + 9, 0)).toBe(102 + 103 + 104 + 105);
  expect(log.lostBytes(FIRST, FIRST + 4, 0)).toBe(102 + 103 + 104);
  expect(log.lostBytes(FIRST, FIRST + 9, FIRST + 3)).toBe(104 + 105);
  expect(log.lostBytes(FIRST + 4, FIRST + 9, 0)).toBe(104 + 105);
});

test.each([
  {
    name: "a range after a time",
    sent: 10,
    last: 7,
    after: 1,
    share: (102 + 103) / (102 + 103 + 100 + 101 + 102 + 103),
  },
  {
    name: "all that was ever sent",
    sent: 4,
    last: 3,
    after: -1,
    share: (102 + 103) / (100 + 101 + 102 + 103),
  },
  { name: "a time that memory does not reach", sent: 5_000, last: 4_999, after: -1, share: 0 },
  { name: "nothing", sent: 4, last: 3, after: 3, share: 0 },
])("the share that was lost of $name", ({ sent, last, after, share }) => {
  send(4);
  log.setLost(FIRST + 4, 2);
  send(sent - 4);
  expect(log.lostShare(FIRST + last, FIRST + after)).toBeCloseTo(share, 10);
});
