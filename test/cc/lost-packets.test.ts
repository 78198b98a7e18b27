/** Goal: each packet that feedback calls lost is told once, while it is of use. */
import { beforeEach, expect, test } from "vitest";
import { LostPackets } from "../../src/cc/lost-packets.ts";
import { SentPacketLog, UNKNOWN_PACKET } from "../../src/cc/sent-packet-log.ts";

const FIRST = 0x10000;
const LONG_AGO_US = -1;

let log: SentPacketLog;
let lost: LostPackets;

beforeEach(() => {
  log = new SentPacketLog();
  lost = new LostPackets(log);
  // Packet n is sent at n.
  for (let i = 0; i < 10; i++) log.onSent(100, i, 0, 0);
});

/** Numbers from the first on that are told now. */
function told(newest: number, afterUs = LONG_AGO_US): number[] {
  const numbers: number[] = [];
  for (;;) {
    const extSeq = lost.next(FIRST + newest, afterUs);
    if (extSeq === UNKNOWN_PACKET) return numbers;
    numbers.push(extSeq - FIRST);
  }
}

test("what is lost before the newest that came, once", () => {
  log.setReceived(FIRST);
  log.setLost(FIRST + 3, 2);
  log.setReceived(FIRST + 3);
  expect(told(3)).toEqual([1, 2]);
  expect(told(3)).toEqual([]);
  log.setLost(FIRST + 9, 1);
  log.setReceived(FIRST + 9);
  expect(told(9)).toEqual([8]);
});

test("those of a late report too, and they hide none of those after them", () => {
  log.setLost(FIRST + 7, 1);
  log.setLost(FIRST + 4, 2);
  log.setReceived(FIRST + 8);
  expect(told(8)).toEqual([2, 3, 6]);
});

test("nothing before anything has come, of what no report speaks of, or of what came late", () => {
  expect(told(UNKNOWN_PACKET - FIRST)).toEqual([]);
  log.setUnreported(FIRST, FIRST + 4);
  log.setLost(FIRST + 6, 2);
  log.setReceived(FIRST + 5);
  log.setReceived(FIRST + 6);
  expect(told(6)).toEqual([4]);
});

test("not what was sent long ago, and not what is forgotten", () => {
  log.setLost(FIRST + 6, 6);
  log.setReceived(FIRST + 6);
  expect(told(6, 3)).toEqual([4, 5]);
  log.setLost(FIRST + 8, 1);
  for (let i = 0; i < 3_000; i++) log.onSent(100, 100, 0, 0);
  expect(told(2_900)).toEqual([]);
});
